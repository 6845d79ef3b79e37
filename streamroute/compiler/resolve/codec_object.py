"""Make the codec that a configuration names by its dotted path."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from streamroute.expressions.problem import Problem
from streamroute.logs.exception_text import error_line
from streamroute.system.forked import ExitForkedChild

if TYPE_CHECKING:
    from streamroute.adapters.codecs.builtin import Codec


def codec_object(named: Any, reference: str) -> Codec | Problem:
    """Return the codec, or an instance of the codec class; else the problem."""
    try:
        with ExitForkedChild():
            codec: Codec = named() if isinstance(named, type) else named
            missing = [name for name in ("decode", "encode") if not callable(getattr(codec, name, None))]
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 - a user's object may raise anything; it is reported
        return Problem("SR403", f'could not create the codec "{reference}": {error_line(error)}')
    if missing:
        return Problem("SR403", f'"{reference}" is not a codec: it has no method {" or ".join(missing)}')
    return codec
