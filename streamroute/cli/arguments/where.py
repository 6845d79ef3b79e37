"""A filter expression on the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from streamroute.expressions.filters import Filter


class WhereParam(click.ParamType["Filter"]):
    """A JMESPath expression over a message's payload, as a route's ``filter``."""

    name = "expression"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Filter:
        """See ``click.ParamType``."""
        from streamroute.expressions.filters import compile_filter
        from streamroute.expressions.problem import ExpressionError

        if not isinstance(value, str):
            compiled: Filter = value
            return compiled
        try:
            return compile_filter(value)
        except ExpressionError as error:
            self.fail(str(error), param, ctx)
