"""What several tests share: the browser, the JupyterLab server, the notebook in it."""
