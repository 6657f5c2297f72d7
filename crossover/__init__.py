"""Crossover: Argo steps as Temporal runs. What every part shares lives in this package."""

__version__ = "0.1.0"
