"""Which addresses may be called: hosts that a provider or the site names, and what of the internet is public."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection
from urllib.parse import urlsplit

from messaging.errors import ConfigurationError

LOOPBACK = {"127.0.0.1", "localhost", "::1"}

_NEVER_IN_ADDRESSES = re.compile(r"[\x00-\x20\x7f\\]")  # parsers disagree on what they mean
_Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_NAT64 = ipaddress.ip_network("64:ff9b::/96")  # RFC 6052
_LOCAL_NAT64 = ipaddress.ip_network("64:ff9b:1::/48")  # RFC 8215


def check_address(url: str, hosts: Collection[str], *, extra_hosts: Collection[str]) -> None:
    """Raise ConfigurationError unless `url` is https to one of `hosts`, or one of `extra_hosts`, each `host:port`.

    A host that begins with a dot allows every name below it. Plain http is for loopback addresses only.
    """
    if _NEVER_IN_ADDRESSES.search(url):
        raise ConfigurationError("The address holds a space, a backslash or a control character: enter it again.")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise ConfigurationError("The address cannot be read: check it for typing errors.") from error
    host = parts.hostname or ""
    if parts.scheme not in ("http", "https") or not host:
        raise ConfigurationError("An address must begin with https:// and a host name.")
    if parts.username is not None or parts.password is not None:
        raise ConfigurationError("An address may not hold a user name or a password: use the credentials.")
    with_port = f"{host}:{port or (443 if parts.scheme == 'https' else 80)}"
    if with_port in extra_hosts:
        if parts.scheme == "http" and host not in LOOPBACK:
            raise ConfigurationError(f"The host {with_port} must be called by https: http is for this machine only.")
        return
    # An IPv6 zone may end in anything: `[::1%a.ujet.co]` would pass for a name below .ujet.co.
    known = "%" not in host and any(host == name or (name.startswith(".") and host.endswith(name)) for name in hosts)
    if not known or parts.scheme != "https" or port not in (None, 443):
        raise ConfigurationError(
            f"The host {with_port} is not one of this provider's. Use https and one of "
            f"{', '.join(sorted(hosts))}, or name the host in EXTRA_PROVIDER_HOSTS."
        )


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
