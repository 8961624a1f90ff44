"""How Postgres is reached: DSNs, connections, pools, and the state of each database. aiopg is used here only."""
