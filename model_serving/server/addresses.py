"""The addresses where the service listens: by default all of this machine, IPv4 and IPv6."""

import socket

ALL_IPV4, ALL_IPV6 = '0.0.0.0', '::'


def to_bind(host: str | None, port: int) -> list:
    """Return gunicorn's `bind` for a host, or without one for all addresses of this machine."""
    if host:
        return [_joined(host.strip('[]'), port)]
    if not _has_ipv6():
        return [_joined(ALL_IPV4, port)]
    # A second socket for IPv4 could not have the same port.
    return [_joined(each, port) for each in ((ALL_IPV6,) if _takes_both() else (ALL_IPV4, ALL_IPV6))]


def problem(host: str, port: int) -> str | None:
    """Return the address and why the service can't listen there; None if it can."""
    # Each family by itself, so that the message names the one in which the port is in use.
    for each in (ALL_IPV4, ALL_IPV6) if host == ALL_IPV6 and _takes_both() else (host or ALL_IPV4,):
        family = socket.AF_INET6 if ':' in each else socket.AF_INET
        try:
            *_, address = socket.getaddrinfo(each, port, family, socket.SOCK_STREAM)[0]
            with socket.socket(family, socket.SOCK_STREAM) as listener:
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if family == socket.AF_INET6:
                    listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                listener.bind(address)
        except (OSError, UnicodeError) as error:
            return f'{_joined(each, port)}: {error}'
    return None


def plain(address):
    """Return `('127.0.0.1', 80)` for `('::ffff:127.0.0.1', 80)`, as an IPv6 socket sees a client of IPv4."""
    return (address[0].removeprefix('::ffff:'), *address[1:]) if address and '.' in address[0] else address


def _has_ipv6():
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind((ALL_IPV6, 0))
    except OSError:
        return False
    return True


def _takes_both():
    """Tell whether an IPv6 socket takes IPv4 connections, too, unless it is told otherwise."""
    with socket.socket(socket.AF_INET6) as probe:
        return not probe.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY)


def _joined(host, port):
    return f'[{host}]:{port}' if ':' in host else f'{host}:{port}'
