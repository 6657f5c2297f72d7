"""Bytes of a log → records: pure, and the hot path of the feed."""
