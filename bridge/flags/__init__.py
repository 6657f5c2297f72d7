"""Flags at the bridge: decisions, changes, outcomes, and staged rollouts."""
