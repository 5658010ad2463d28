"""Floor 3: finished features by content key."""
