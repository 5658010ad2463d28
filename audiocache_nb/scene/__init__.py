"""Floor 7: scene documents and bundles."""
