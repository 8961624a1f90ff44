"""What AgentOS means by a session: rows of the store become JSON bodies, bodies of requests become rows. No I/O."""
