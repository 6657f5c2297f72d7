"""Who calls, and whether that is proven."""
