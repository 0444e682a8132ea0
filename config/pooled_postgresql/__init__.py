"""Django's PostgreSQL backend, whose pool of connections outlives a restart of the server."""
