"""Logs, metrics, traces, and the current request of a task."""
