"""The policy of a board."""

from __future__ import annotations

import pytest

from streamroute.board.access.identity import Identity, Role
from streamroute.board.access.policy import AccessPolicy, TrustedProxy, read_networks, require_safe
from streamroute.board.access.token_file import Tokens
from streamroute.errors import SetupError

TOKENS = Tokens({b"x": Identity("alice", Role.OPERATOR)})


def test_actions_need_people_with_names() -> None:
    with pytest.raises(SetupError, match="--http-admin needs people with names"):
        require_safe(AccessPolicy(allows_actions=True), is_loopback=True)
    require_safe(AccessPolicy(allows_actions=True, tokens=TOKENS), is_loopback=False)


def test_others_reach_a_board_only_with_a_name() -> None:
    require_safe(AccessPolicy(), is_loopback=True)
    with pytest.raises(SetupError, match="an address that others reach needs --http-tokens"):
        require_safe(AccessPolicy(), is_loopback=False)


def test_an_operator_acts_only_where_actions_are_allowed() -> None:
    alice, bob = Identity("alice", Role.OPERATOR), Identity("bob", Role.VIEWER)
    assert not AccessPolicy(tokens=TOKENS).may_act(alice)
    policy = AccessPolicy(tokens=TOKENS, allows_actions=True)
    assert policy.may_act(alice)
    assert not policy.may_act(bob)


@pytest.mark.parametrize(
    ("address", "is_trusted"),
    [
        ("10.1.2.3", True),
        ("10.2.2.3", False),
        ("::1", True),
        ("fe80::1%eth0", False),
        ("", False),
        ("unix", False),
    ],
)
def test_a_proxy_is_known_by_its_address(address: str, *, is_trusted: bool) -> None:
    proxy = TrustedProxy("x-user", read_networks(("10.1.0.0/16", "::1")))
    assert proxy.is_trusted(address) is is_trusted


def test_an_invalid_network_is_refused() -> None:
    with pytest.raises(SetupError, match="not an address or a network"):
        read_networks(("10.0.0.0/33",))
