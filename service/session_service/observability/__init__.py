"""What is seen of the service: logs, metrics, and what is known of the request that is under way."""
