"""A machine within the machine, and what makes it a node of a cluster."""
