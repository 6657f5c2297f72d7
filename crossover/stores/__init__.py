"""State that replicas share: who holds which slot of a limit."""
