# SPDX-License-Identifier: Apache-2.0
"""What a driver knows of its connection without asking the server."""

from __future__ import annotations

import os
import socket
from typing import Any, Optional


def server_pid(driver_connection: Any) -> Optional[int]:
    """The server's process or connection id; None where the driver does not know it.

    psycopg 2 and 3, asyncpg, PyMySQL, aiomysql, asyncmy, mysqlclient, mysql-connector, MariaDB.
    """
    for read in (_psycopg, _asyncpg, _thread_id, _connection_id):
        try:
            pid = read(driver_connection)
        except Exception:
            continue  # another driver's, or one that is closed already
        if as_pid(pid) is not None:
            return as_pid(pid)
    return None


def as_pid(found: Any) -> Optional[int]:
    """None for what cannot be a process or connection id."""
    fits = isinstance(found, int) and not isinstance(found, bool) and 0 < found <= 2**53 - 1
    return found if fits else None


def _psycopg(connection: Any) -> Any:
    return connection.info.backend_pid


def _asyncpg(connection: Any) -> Any:
    return connection.get_server_pid()


def _thread_id(connection: Any) -> Any:
    return connection.thread_id()


def _connection_id(connection: Any) -> Any:
    return connection.connection_id


def local_port(driver_connection: Any) -> Optional[int]:
    """Of the process's end of a TCP connection."""
    for read in (_port_of_descriptor, _port_of_socket, _port_of_transport):
        try:
            port = read(driver_connection)
        except Exception:
            continue
        if isinstance(port, int) and 0 < port <= 65_535:
            return port
    return None


def _port(name: Any) -> Optional[int]:
    return name[1] if isinstance(name, tuple) and len(name) >= 2 else None


def _port_of_descriptor(connection: Any) -> Optional[int]:
    # A copy of the descriptor: closing the socket object must not close the driver's.
    with socket.socket(fileno=os.dup(connection.fileno())) as copy:
        return _port(copy.getsockname())


def _port_of_socket(connection: Any) -> Optional[int]:
    return _port(connection._sock.getsockname())


def _port_of_transport(connection: Any) -> Optional[int]:
    return _port(connection._transport.get_extra_info("sockname"))
