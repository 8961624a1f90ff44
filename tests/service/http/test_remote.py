"""The address of the client behind proxies, and behind liars."""

import pytest

from session_service.http.remote import client_address, networks

PROXIES = networks(["10.0.0.0/8", "fd00::/8", "127.0.0.1"])


@pytest.mark.parametrize(
    ("peer", "forwarded_for", "address"),
    [
        (None, ["192.0.2.1"], None),
        ("192.0.2.1", [], "192.0.2.1"),
        ("192.0.2.1", ["198.51.100.7"], "192.0.2.1"),
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", ["198.51.100.7"], "198.51.100.7"),
        ("10.0.0.1", ["203.0.113.9, 198.51.100.7"], "198.51.100.7"),
        ("10.0.0.1", ["198.51.100.7, 10.0.0.2"], "198.51.100.7"),
        ("10.0.0.1", ["198.51.100.7", "10.0.0.2"], "198.51.100.7"),
        ("10.0.0.1", ["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
        ("10.0.0.1", ["198.51.100.7, unknown, 10.0.0.2"], "10.0.0.2"),
        ("10.0.0.1", ["198.51.100.7:4711"], "198.51.100.7"),
        ("10.0.0.1", ["[2001:db8::7]:4711"], "2001:db8::7"),
        ("10.0.0.1", ["2001:DB8::7"], "2001:db8::7"),
        ("fd00::1%eth0", ["198.51.100.7"], "198.51.100.7"),
        ("::ffff:10.0.0.1", ["198.51.100.7"], "198.51.100.7"),
        ("10.0.0.1", [""], "10.0.0.1"),
        ("10.0.0.1", ["<script>"], "10.0.0.1"),
    ],
)
def test_a_list_is_believed_from_its_end_as_far_as_its_writers_are_trusted(peer, forwarded_for, address):
    assert client_address(peer, forwarded_for, PROXIES) == address


def test_without_trusted_proxies_only_the_peer_counts():
    assert client_address("10.0.0.1", ["198.51.100.7"], ()) == "10.0.0.1"


def test_what_is_no_network_is_refused():
    with pytest.raises(ValueError, match="canary"):
        networks(["canary"])
