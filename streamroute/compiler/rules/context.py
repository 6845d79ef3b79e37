"""The input of the rules' checks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from streamroute.config.document import Document

if TYPE_CHECKING:
    from streamroute.compiler.checked_route import CheckedRoute
    from streamroute.compiler.rules.checked_expression import CheckedExpression
    from streamroute.compiler.type_patterns import TypePatterns
    from streamroute.config.route_tests import RouteTest


class RuleContext(NamedTuple):
    """A document, and the results of the previous steps.

    ``routes`` have expanded type patterns; ``expressions`` are the checked keys of dedupe, of canaries and of
    ``order_by``. ``beside`` are configurations checked earlier; ``tests`` are the route tests beside the
    files. ``running`` is the configuration that a reload is to replace.
    """

    document: Document
    patterns: TypePatterns
    routes: Sequence[CheckedRoute] = ()
    expressions: Sequence[CheckedExpression] = ()
    beside: Sequence[Document] = ()
    tests: Sequence[RouteTest] = ()
    running: Document | None = None
