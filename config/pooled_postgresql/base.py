"""The backend of the web process. Django asks for a module of this name."""

from __future__ import annotations

from typing import Any

import psycopg
from django.db.backends.postgresql import base
from psycopg_pool import ConnectionPool


class DatabaseWrapper(base.DatabaseWrapper):
    """Django's, but one dead connection in the pool condemns those that lie beside it.

    psycopg_pool looks at each connection by itself and waits longer after each dead one: a server that was started
    again would let people wait ten seconds and refuse them once half a dozen connections had lain in the pool.
    """

    def get_new_connection(self, conn_params: dict[str, Any]) -> psycopg.Connection[Any]:
        """Take a connection that works. Raises psycopg_pool.PoolTimeout when the server stays away."""
        connection = super().get_new_connection(conn_params)
        try:
            ConnectionPool.check_connection(connection)
        except psycopg.OperationalError:
            self.pool.putconn(connection)
            self.pool.drain()
            connection = super().get_new_connection(conn_params)
        return connection
