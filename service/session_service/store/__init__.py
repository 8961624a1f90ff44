"""What Postgres holds: agno's layouts and the SQL that reads and writes them. No HTTP in here."""
