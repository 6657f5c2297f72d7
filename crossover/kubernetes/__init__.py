"""The Kubernetes API, as both services speak it."""
