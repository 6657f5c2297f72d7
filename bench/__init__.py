"""Benchmarks: every promised figure beside its peer, measured in the same run."""
