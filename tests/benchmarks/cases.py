"""What the benchmark runs: the variants by what is compared."""

from __future__ import annotations

from typing import Final

from measuring import Variant

FAST: Final = ("orjson", "uvloop")
BARE: Final = Variant("bare loop", "bare")
BARE_FAST: Final = Variant("bare loop, orjson + uvloop", "bare", ("--fast",), needs=FAST)
ROUTED: Final = Variant("streamroute", "routed", base=BARE.name)
ROUTED_FAST: Final = Variant("streamroute[fast]", "routed", ("--fast",), needs=FAST, base=BARE_FAST.name)
PEERS: Final = (
    Variant("an XACK awaited each", "awaited", share=0.1),
    Variant("FastStream", "faststream_peer", share=0.05, needs=("faststream",)),
    Variant("FastStream, batches", "faststream_peer", ("--concurrency", "0"), 0.2, ("faststream",)),
    Variant("taskiq-redis", "taskiq_peer", share=0.03, needs=("taskiq_redis",)),
)
LOOPS: Final = (BARE, ROUTED, BARE_FAST, ROUTED_FAST)
THROUGHPUT: Final = (*LOOPS, *PEERS)

UNLISTED: Final = Variant("streamroute, 95% unlisted", "routed", base=ROUTED.name, mix="unlisted")
FILTERED: Final = Variant("streamroute, 95% filtered", "routed", base=ROUTED.name, mix="filtered")
UNLISTED_FAST: Final = Variant(
    *("streamroute[fast], 95% unlisted", "routed", ("--fast",)),
    needs=FAST,
    base=ROUTED_FAST.name,
    mix="unlisted",
)
FILTERED_FAST: Final = Variant(
    *("streamroute[fast], 95% filtered", "routed", ("--fast",)),
    needs=FAST,
    base=ROUTED_FAST.name,
    mix="filtered",
)
SKIPPED: Final = (UNLISTED, FILTERED, UNLISTED_FAST, FILTERED_FAST)

PARTS: Final = (
    Variant("reply parsed by hiredis", "parts", ("--part", "parsed reply")),
    Variant("JSON decoded", "parts", ("--part", "decoded")),
    Variant("JSON decoded by orjson", "parts", ("--part", "decoded", "--fast"), needs=FAST),
    Variant("[fast], entry decoded to a message", "parts", ("--part", "read", "--fast"), needs=FAST),
    Variant("[fast], the same, dispatched", "parts", ("--part", "dispatched", "--fast"), needs=FAST),
)
"""Parts of what a message costs, each alone and without a server."""

SIZES: Final = ((1, 0.002), (32, 0.05), (256, 0.3), (1000, 0.5))


def waiting(at_once: int, share: float, *, fast: bool = False) -> tuple[Variant, Variant]:
    """Return the bare pool and streamroute with handlers of 10 ms, this many at once."""
    words = ("--sleep", "0.01", "--concurrency", str(at_once), *(("--fast",) if fast else ()))
    least = max(500, 30 * at_once)  # so that each concurrent handler runs often enough to outweigh the start
    name = f"10 ms, {at_once} at once{', [fast]' if fast else ''}"
    needs = FAST if fast else ()
    pool = Variant(f"bare pool, {name}", "pool", words, share, needs, least)
    return pool, Variant(f"streamroute, {name}", "routed", words, share, needs, least, base=pool.name)


THOUSAND: Final = waiting(*SIZES[-1])
_FAST_THOUSAND: Final = waiting(*SIZES[-1], fast=True)
WAITING: Final = (*(each for size in SIZES[:-1] for each in waiting(*size)), *THOUSAND, *_FAST_THOUSAND)
_POOL_OF_THREADS: Final = "bare pool, sync 10 ms, 32 threads"
THREADS: Final = (
    Variant(_POOL_OF_THREADS, "pool", ("--sleep", "0.01", "--sync"), 0.05),
    Variant(
        *("streamroute, sync 10 ms, 32 threads", "routed", ("--sleep", "0.01", "--sync"), 0.05),
        base=_POOL_OF_THREADS,
    ),
)
