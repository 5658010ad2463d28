"""Floor 3: calculators from other packages, which are installed only by those who want them."""
