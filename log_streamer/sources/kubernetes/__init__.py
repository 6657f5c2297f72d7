"""Pods, their logs, and Workflow objects, from the Kubernetes API."""
