"""A real Kubernetes control plane of our own: built from Go modules, started for tests and for people."""
