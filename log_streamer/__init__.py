"""Trace → one bounded live feed."""
