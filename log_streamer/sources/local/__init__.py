"""Logs without Kubernetes: files of the local runner, and log files of processes."""
