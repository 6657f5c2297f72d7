"""Temporal runs of a trace, as the bridge's HTTP API tells of them."""
