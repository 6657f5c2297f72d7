"""YAML text → flow graph. Nothing is dropped silently: a key is mapped, carried in `extra`, or reported."""

from argo_flow.parse.bundle import parse_texts

__all__ = ["parse_texts"]
