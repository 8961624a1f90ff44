"""AgentOS' session API, served out of Postgres databases that agno writes."""

__version__ = "0.1.0"
