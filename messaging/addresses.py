"""Which network addresses belong to the public internet, however they are written."""

from __future__ import annotations

import ipaddress

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_NAT64 = ipaddress.ip_network("64:ff9b::/96")  # RFC 6052
_LOCAL_NAT64 = ipaddress.ip_network("64:ff9b:1::/48")  # RFC 8215


def is_public(text: str) -> bool:
    """Is this numeric address one that everybody on the internet may reach?

    An IPv6 address that carries an IPv4 one (mapped, 6to4, Teredo, NAT64) is judged by what it carries too: Python's
    own `is_global` calls 2002:7f00:1:: public, which leads to 127.0.0.1. Nothing that cannot be read is public.
    """
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return False
    return all(_is_plainly_public(one) for one in (address, *_carried(address)))


def _is_plainly_public(address: _Address) -> bool:
    return address.is_global and not address.is_multicast and address not in _LOCAL_NAT64


def _carried(address: _Address) -> tuple[_Address, ...]:
    if not isinstance(address, ipaddress.IPv6Address):
        return ()
    found: list[_Address] = [one for one in (address.ipv4_mapped, address.sixtofour) if one is not None]
    found += address.teredo or ()
    if address in _NAT64:
        found.append(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
    return tuple(found)
