"""Floor 9: Jupyter widgets; views of models, with no audio maths of their own."""
