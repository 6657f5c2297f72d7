"""Tenant flags: what the operator wrote, and what it means for one tenant and one run. Pure."""
