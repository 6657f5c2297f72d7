"""People and programs that watch the real service."""
