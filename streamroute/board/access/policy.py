"""The policy of a board: which hosts it answers for, who its users are, and whether they may act."""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path

from streamroute.board.access.identity import Identity, Role
from streamroute.board.access.token_file import Tokens
from streamroute.errors import SetupError

Network = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True)
class TrustedProxy:
    """A proxy that authenticates its users, and names them in the request header ``header``.

    The header is believed only from ``networks``. Users are viewers, except ``operators``.
    """

    header: str
    networks: tuple[Network, ...]
    operators: frozenset[str] = frozenset()

    def identify(self, name: str) -> Identity:
        """Return the identity of a user."""
        return Identity(name, Role.OPERATOR if name in self.operators else Role.VIEWER)

    def is_trusted(self, address: str) -> bool:
        """Whether a connection from this address is the proxy's."""
        try:
            peer = ip_address(address.partition("%")[0])
        except ValueError:
            return False  # a socket without an address
        return any(peer in network for network in self.networks)


def read_networks(texts: tuple[str, ...]) -> tuple[Network, ...]:
    """Parse addresses and networks; raises SetupError for anything else."""
    try:
        return tuple(ip_network(text, strict=False) for text in texts)
    except ValueError as error:
        raise SetupError(f"not an address or a network: {error}") from None


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessPolicy:
    """Who may use the board.

    ``hosts`` are the host names it answers for, beside IP addresses and localhost. Without ``tokens`` and
    ``proxy``, everybody who can connect is a viewer. With ``allows_actions=False`` nobody may act.
    ``token_path`` is the file of the tokens, for messages.
    """

    hosts: frozenset[str] = frozenset()
    tokens: Tokens | None = None
    proxy: TrustedProxy | None = None
    allows_actions: bool = False
    token_path: Path | None = None
    anonymous: Identity = field(default=Identity("anonymous", Role.VIEWER))

    @property
    def is_open(self) -> bool:
        """Whether nobody has to sign in."""
        return self.tokens is None and self.proxy is None

    def may_act(self, identity: Identity) -> bool:
        """Whether this person may change something."""
        return self.allows_actions and identity.is_operator


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches a host name or address."""
    if host == "localhost":
        return True
    try:
        return ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return False


def require_safe(policy: AccessPolicy, *, is_loopback: bool) -> None:
    """Raise SetupError if a policy would let strangers read payloads, or anonymous people act."""
    if policy.allows_actions and policy.is_open:
        raise SetupError("--http-admin needs people with names: add --http-tokens FILE or --http-user-header")
    if policy.is_open and not is_loopback:
        raise SetupError(
            "a board on an address that others reach needs --http-tokens FILE or --http-user-header"
        )
