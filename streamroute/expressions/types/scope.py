"""Scopes: the type of ``@`` at a place in an expression."""

from __future__ import annotations

from typing import NamedTuple

from streamroute.expressions.syntax.parser import Node
from streamroute.expressions.types.algebra.json_types import NEVER, Type, is_never
from streamroute.expressions.types.algebra.type_operations import without
from streamroute.expressions.types.narrowing import assume
from streamroute.expressions.types.nodes import fingerprint, parts_of, path_of, paths_in


class Scope(NamedTuple):
    """The type of ``@`` at a place.

    ``type`` is narrowed by all conditions before this place, ``joined`` only by those before ``&&``, ``base``
    by none. ``guards`` are the conditions evaluated before, whether or not they narrow the type.
    """

    type: Type
    joined: Type
    base: Type
    guards: tuple[Node, ...] = ()

    @classmethod
    def of(cls, t: Type) -> Scope:
        """Create a scope where ``@`` has this type."""
        t = NEVER if is_never(t) else t
        return cls(t, t, t)

    @property
    def is_narrowed(self) -> bool:
        """Whether a condition before this place narrowed the type of ``@``."""
        return self.type is not self.base

    def after(self, condition: Node, *, outcome: bool) -> Scope:
        """The scope after a condition that was true (before ``&&``) or false (before ``||``)."""
        narrowed = assume(condition, self.type, outcome=outcome)
        if narrowed is self.type:
            return Scope(self.type, self.joined, self.base, (*self.guards, condition))
        joined = self.joined
        if outcome:
            joined = narrowed if joined is self.type else assume(condition, joined, outcome=True)
        if is_never(narrowed):
            narrowed = NEVER
        return Scope(narrowed, joined, self.base, (*self.guards, condition))

    def not_null(self) -> Scope:
        """The scope where ``@`` is not null."""
        if not self.type.null:
            return self
        t, joined, base = (without(each, None) for each in (self.type, self.joined, self.base))
        same = self.type is self.base
        return Scope(t, t if self.type is self.joined else joined, t if same else base, self.guards)

    def is_guarded(self, argument: Node) -> bool:
        """Whether a condition before this place reads the same value: the author has considered it."""
        path = path_of(argument)
        if path is not None:
            return any(path in paths_in(guard) for guard in self.guards)
        looked_for = fingerprint(argument)
        return any(fingerprint(part) == looked_for for guard in self.guards for part in parts_of(guard))
