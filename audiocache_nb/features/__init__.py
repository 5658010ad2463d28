"""Floor 2: what a feature is, who computes it, and how results are identified."""
