"""Who the client of a request is: its address on the wire, or what a proxy that is trusted says of it."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from forecast.settings import Networks

Environ = Mapping[str, object]


def peer(environ: Environ) -> str:
    """The address at the other end of the connection, as text; empty for a socket of the file system."""
    return str(environ.get("REMOTE_ADDR") or "")


def from_this_machine(environ: Environ) -> bool:
    """Whether who asks is on this machine, and not behind a proxy on it that says, to be believed or not, that they
    are elsewhere."""
    found = peer(environ)
    if found not in ("", "127.0.0.1", "::1") and not _is_loopback(found):
        return False
    if "HTTP_FORWARDED" in environ:
        return False
    forwarded = environ.get("HTTP_X_FORWARDED_FOR")
    return forwarded is None or all(_is_loopback(_without_port(part.strip())) for part in str(forwarded).split(","))


def _is_loopback(text: str) -> bool:
    address = _address(text)
    return address is not None and address.is_loopback


def client(environ: Environ, trusted: Networks) -> str:
    """The address that asks: from the right of X-Forwarded-For the first that is no trusted proxy, as far as trusted
    proxies wrote it; the other end of the connection where that is none.

    What stands further left anybody may have written.
    """
    found = peer(environ)
    if not trusted or not _is_trusted(found, trusted):
        return found
    for part in reversed(str(environ.get("HTTP_X_FORWARDED_FOR") or "").split(",")):
        address = _address(_without_port(part.strip()))
        if address is None:
            break
        found = str(address)
        if not _is_trusted(found, trusted):
            break
    return found


def counted_as(address: str) -> str:
    """Under which name requests are counted: of IPv6 the network of 64 bits, in which one client has all addresses."""
    if ":" not in address or not isinstance(found := _address(address), IPv6Address):
        return address
    return str(ip_network((int(found) >> 64 << 64, 64)))


def _is_trusted(text: str, trusted: Networks) -> bool:
    address = _address(text)
    return address is not None and any(address in network for network in trusted)


def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        found = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return (found.ipv4_mapped or found) if isinstance(found, IPv6Address) else found


def _without_port(text: str) -> str:
    """``192.0.2.1:8080`` and ``[2001:db8::1]:8080`` without the port, as some proxies write it."""
    if text.startswith("["):
        return text[1:].partition("]")[0]
    return text.partition(":")[0] if text.count(":") == 1 else text
