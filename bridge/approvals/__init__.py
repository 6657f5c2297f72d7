"""Approvals: what a person must say yes to, and what happens then. Neither Temporal, Argo nor HTTP."""
