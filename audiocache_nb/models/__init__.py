"""Floor 8: Traitlets mirrors of the timeline, and the publisher that keeps them up to date."""
