"""Sends commands over a connection of redis-py, and receives their replies.

redis-py sets up, authenticates and checks the connection. With hiredis, its transport and its parser are then
used directly: redis-py's own methods cost more than parsing the reply.
"""

# ruff: noqa: SLF001 - redis-py has no public way to a connection's transport and parser

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Final

from redis._parsers.hiredis import _AsyncHiredisParser
from redis.asyncio.connection import AbstractConnection
from redis.asyncio.sentinel import SentinelManagedConnection
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ReadOnlyError, ResponseError

from streamroute.adapters.redis.reply_protocol import ReplyProtocol, ReplyReader
from streamroute.adapters.redis.swallowed_cancellation import SwallowedCancellation

_READS: Final = (AbstractConnection.read_response, SentinelManagedConnection.read_response)
"""The methods that are replaced; Sentinel's raises READONLY as a broken connection."""

CommandArgs = Sequence[str | bytes | float]
"""A command and its arguments, or the bytes of a command that is packed already."""


async def exchange(connection: Any, commands: Sequence[CommandArgs]) -> list[Any]:
    """Send commands, and return their replies; a reply may be a ResponseError.

    Raises what redis-py raises. After an error or a cancellation, replies may still arrive: the connection
    must be closed.
    """
    if not commands:
        return []  # no reply would come
    parts = _direct_parts(connection)
    if parts is None:
        return await _exchange_through_driver(connection, commands)
    transport, reader = parts
    packed = _packed(connection, commands)
    stream: Any = transport.get_protocol()
    protocol = ReplyProtocol(
        stream,
        reader,
        len(commands),
        timeout=connection.socket_timeout,
        server=connection._host_error(),
    )
    transport.set_protocol(protocol)
    try:
        transport.write(packed)
        replies = await protocol.replies
    finally:
        protocol.stop()
        if not transport.is_closing():  # else the protocol tells the stream of the end
            transport.set_protocol(stream)
    _refuse_replica(connection, replies)
    return replies


def _direct_parts(connection: Any) -> tuple[asyncio.Transport, ReplyReader] | None:
    """Return the transport and the parser, or None if redis-py has to send and to receive.

    It has to if the connection needs more than that (health checks, maintenance notifications), is of a class
    with its own methods, or has been closed, which redis-py reports.
    """
    try:
        transport = connection._writer.transport
        is_ready = not (transport.is_closing() or connection._reader.at_eof())
        parser: Any = connection._parser
        maintenance = getattr(connection, "maint_notifications_config", None)
    except AttributeError:  # no stream: closed, or of another release of redis-py
        return None
    is_plain = (
        type(parser) is _AsyncHiredisParser
        and not connection.health_check_interval
        and not (maintenance and maintenance.enabled)
        and _sends_as_driver(type(connection))
    )
    return (transport, parser._reader) if is_ready and is_plain else None


def _sends_as_driver(connection_class: type[Any]) -> bool:
    """Whether a class sends and receives by redis-py's methods."""
    return (
        connection_class.send_packed_command is AbstractConnection.send_packed_command
        and connection_class.read_response in _READS
    )


def _refuse_replica(connection: Any, replies: Sequence[Any]) -> None:
    """Raise if Sentinel's master is a replica now: a new connection finds the new master."""
    if (
        isinstance(connection, SentinelManagedConnection)
        and connection.connection_pool.is_master
        and any(isinstance(reply, ReadOnlyError) for reply in replies)
    ):
        raise RedisConnectionError("The previous master is now a slave")  # as redis-py says it


def _packed(connection: Any, commands: Sequence[Any]) -> bytes:
    """Return the bytes of commands; raises what redis-py raises for an argument of another type."""
    import hiredis  # whose parser the connection has

    try:
        return b"".join([each if type(each) is bytes else hiredis.pack_command(each) for each in commands])
    except TypeError:  # a list in place of a tuple, or an argument that redis-py refuses
        return b"".join(_packed_by_driver(connection, commands))


def _packed_by_driver(connection: Any, commands: Sequence[Any]) -> list[bytes]:
    parts: list[bytes] = []
    for command in commands:
        parts += [command] if type(command) is bytes else connection.pack_command(*command)
    return parts


async def _exchange_through_driver(connection: Any, commands: Sequence[CommandArgs]) -> list[Any]:
    cancelled = SwallowedCancellation()
    await connection.send_packed_command(_packed_by_driver(connection, commands))
    cancelled.raise_if_swallowed()
    return [await _reply(connection) for _ in commands]


async def _reply(connection: Any) -> Any:
    try:
        return await connection.read_response()
    except ResponseError as error:
        return error
