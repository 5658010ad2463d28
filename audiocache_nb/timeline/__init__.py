"""Floor 5: the timeline store, its statuses, demand and freshness."""
