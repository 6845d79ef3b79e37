"""Reading entries apart from the event loop, where a validating codec may take long over them.

The loop renews leases and hears signals meanwhile: a thread that validates gives way every few milliseconds.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Final, TypeVar

from streamroute.adapters.codecs import Codec
from streamroute.adapters.validating import ValidatingCodec

_LARGE: Final = 64_000  # bytes of entries; below, a validation that is linear in them takes milliseconds

T = TypeVar("T")


async def read_apart(codec: Codec, parts: Iterable[Sequence[bytes]], read: Callable[[], T]) -> T:
    """What ``read`` makes of entries, of which ``parts`` are the names and values."""
    if not isinstance(codec, ValidatingCodec) or not _may_take_long(codec, parts):
        return read()
    return await asyncio.get_running_loop().run_in_executor(_thread(), read)


def _may_take_long(codec: ValidatingCodec, parts: Iterable[Sequence[bytes]]) -> bool:
    size = sum(len(part) for entry in parts for part in entry)
    return size > (_LARGE if codec.is_linear else 0)


@cache
def _thread() -> ThreadPoolExecutor:
    """One for the process: handlers in threads have others, and may hold all of those."""
    return ThreadPoolExecutor(1, thread_name_prefix="streamroute-validation")
