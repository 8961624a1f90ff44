"""The operator that deploys agno session services from SessionStore resources."""

__version__ = "0.1.0"
