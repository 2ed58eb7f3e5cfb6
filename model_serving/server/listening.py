"""Checks whether a server can listen at an address, to say in one line why not."""

import os
import socket


def problem(host: str, port: int) -> str | None:
    """Return why nothing can listen at `host` and `port`, or None. An empty host means all addresses."""
    try:
        family, kind, _, _, address = socket.getaddrinfo(host or '0.0.0.0', port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as listener:
            if os.name == 'posix':
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
    except (OSError, UnicodeError) as error:
        return f'can not listen at {host}:{port}: {error}.'
    return None
