"""One follow per container per process, shared by all feeds that need its lines."""
