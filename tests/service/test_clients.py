"""The client of a request is the address that cannot be made up."""

from __future__ import annotations

import pytest

from service.clients import client, counted_as, from_this_machine
from tests.support.trained_home import settings_in

OURS = "127.0.0.1, 10.0.0.0/8, fd00::/8"


@pytest.mark.parametrize(
    ("peer", "forwarded", "trusted", "expected"),
    [
        ("203.0.113.5", None, "", "203.0.113.5"),
        ("203.0.113.5", "198.51.100.1", "", "203.0.113.5"),  # nobody is trusted
        ("203.0.113.5", "198.51.100.1", OURS, "203.0.113.5"),  # who says so is no proxy of ours
        ("127.0.0.1", "198.51.100.1", OURS, "198.51.100.1"),
        ("127.0.0.1", "198.51.100.1", "", "127.0.0.1"),
        ("127.0.0.1", "6.6.6.6, 198.51.100.1", OURS, "198.51.100.1"),  # the left one the client wrote itself
        ("127.0.0.1", "198.51.100.1, 10.1.2.3", OURS, "198.51.100.1"),
        ("127.0.0.1", "10.9.9.9, 10.1.2.3", OURS, "10.9.9.9"),
        ("127.0.0.1", "198.51.100.1, none, 10.1.2.3", OURS, "10.1.2.3"),
        ("127.0.0.1", "none", OURS, "127.0.0.1"),
        ("127.0.0.1", "", OURS, "127.0.0.1"),
        ("127.0.0.1", "198.51.100.1:4711", OURS, "198.51.100.1"),
        ("127.0.0.1", "[2001:db8::7]:4711", OURS, "2001:db8::7"),
        ("::ffff:127.0.0.1", "198.51.100.1", OURS, "198.51.100.1"),
        ("fd00::1", "2001:db8::7", OURS, "2001:db8::7"),
    ],
)
def test_only_what_a_trusted_proxy_wrote_says_who_the_client_is(
    peer: str, forwarded: str | None, trusted: str, expected: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    networks = settings_in(tmp_path_factory.getbasetemp(), trusted_proxies=trusted).proxies
    environ = {"REMOTE_ADDR": peer} | ({} if forwarded is None else {"HTTP_X_FORWARDED_FOR": forwarded})
    assert client(environ, networks) == expected


def test_all_addresses_of_a_network_of_ipv6_count_as_one_client() -> None:
    assert counted_as("2001:db8:1:2:aaaa::1") == counted_as("2001:db8:1:2:bbbb::2") == "2001:db8:1:2::/64"
    assert counted_as("2001:db8:1:3::1") != counted_as("2001:db8:1:2::1")
    assert counted_as("203.0.113.5") == "203.0.113.5"


@pytest.mark.parametrize(
    ("peer", "expected"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("", True),
        ("::ffff:127.0.0.1", True),
        ("203.0.113.5", False),
        ("10.0.0.1", False),
        ("::ffff:10.0.0.1", False),
        ("nonsense", False),
    ],
)
def test_this_machine_is_known_by_its_addresses(peer: str, expected: bool) -> None:
    assert from_this_machine({"REMOTE_ADDR": peer, "HTTP_X_FORWARDED_FOR": "127.0.0.1"}) is expected
