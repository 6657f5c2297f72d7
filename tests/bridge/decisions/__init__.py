"""Decisions end to end: real replicas, a real Temporal, and a real Redis in every state."""
