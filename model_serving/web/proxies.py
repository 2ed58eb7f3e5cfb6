"""What trusted proxies say of a request: the address of its client, and whether it came by HTTP or HTTPS."""

from ipaddress import ip_address

# How many entries are looked at, since a client may send thousands; trusted_proxies may be as many.
MAX_HOPS = 99
SCHEMES = {'http', 'https'}


def client_and_scheme(trusted, peer: str, scheme: str, forwarded_for: str, forwarded_proto: str) -> tuple[str, str]:
    """Return the client's address and the scheme of a request that came from `peer`.

    `trusted` is the setting trusted_proxies: how many proxies there are, or their networks. Each one appends the
    address of its own peer to X-Forwarded-For, so only the last entries can be believed. `peer` and `scheme` themselves
    are returned if the headers lack an entry or have no address there.
    """
    hops = [hop.strip() for hop in forwarded_for.rsplit(',', MAX_HOPS)[-MAX_HOPS:]]
    if isinstance(trusted, int):
        client = hops[-trusted] if len(hops) >= trusted else ''
    elif not _is_in(trusted, peer):
        return peer, scheme
    else:
        client = next((hop for hop in reversed(hops) if not _is_in(trusted, hop)), hops[0])
    schemes = [each.strip() for each in forwarded_proto.rsplit(',', MAX_HOPS)[-MAX_HOPS:]]
    # A proxy may write its own scheme over those of the ones before it.
    sent = schemes[-min(trusted, len(schemes))] if isinstance(trusted, int) else schemes[-1]
    return _plain(client) or peer, sent if sent in SCHEMES else scheme


def _is_in(networks, text):
    address = _plain(text)
    return address is not None and any(ip_address(address) in network for network in networks)


def _plain(text):
    """Return the address of `1.2.3.4`, `1.2.3.4:80`, `2001:db8::1` or `[2001:db8::1]:80`; None if it is none."""
    text = text.partition(']')[0].removeprefix('[') if text.startswith('[') else text
    text = text.partition(':')[0] if text.count(':') == 1 else text
    try:
        # Without the zone of `fe80::1%eth0`, which may be any text, such as one that forges a line of the log.
        address = ip_address(text.partition('%')[0])
    except ValueError:
        return None
    return str(getattr(address, 'ipv4_mapped', None) or address)
