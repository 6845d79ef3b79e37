"""BatchLimiter: after a failed call it tries one entry, and then more."""

from __future__ import annotations

import asyncio

import pytest

from streamroute.core.consume.fetch.batch_limiter import BatchLimiter


def test_after_a_failed_call_batches_start_at_one_and_double() -> None:
    """After any number of failures: the reply may have been too large to arrive."""
    limiter = BatchLimiter()
    with limiter.attempt():
        assert limiter.limit(500) == 500
    for _ in range(2):
        with pytest.raises(ConnectionError), limiter.attempt():
            raise ConnectionError("it took too long")
        assert limiter.limit(500) == 1
        for most in (2, 4, 8):
            with limiter.attempt():
                assert limiter.limit(500) == most // 2
            assert (limiter.limit(500), limiter.limit(1)) == (most, 1)


def test_a_call_that_is_cancelled_has_not_failed() -> None:
    limiter = BatchLimiter()
    with pytest.raises(asyncio.CancelledError), limiter.attempt():
        raise asyncio.CancelledError
    assert limiter.limit(500) == 500
