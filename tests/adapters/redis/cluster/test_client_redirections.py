"""Routing of commands while cluster slots move, with nodes that reply as scripted."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import pairwise
from typing import Any, cast

import pytest
from redis.asyncio import Redis
from redis.asyncio.connection import SSLConnection
from redis.exceptions import ClusterDownError, MovedError, ReadOnlyError, ResponseError, TryAgainError
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from consuming import eventually, within_patience
from scripted_nodes import Node, Reply
from servers import free_port
from streamroute.adapters.redis.cluster.client import SlotClient
from streamroute.adapters.redis.cluster.pool import ClusterPool
from streamroute.adapters.redis.cluster.topology import SlotDownError
from streamroute.adapters.redis.connection import new_client
from streamroute.adapters.redis.raw_client import (
    clone_for_loop,
    interrupt_read,
    raw_client,
    read,
    send_command,
    send_each,
    send_transaction,
)
from streamroute.adapters.redis.read_commands import ReaderId, ReadResult

KEY = "bot_events"
TIME = [b"7", b"5000"]
ME = ReaderId("shop", "me")
ROWS: Reply = [[KEY.encode(), [[b"1-0", [b"a", b"b"]]]]]


class Cluster:
    """Two nodes; both report that the first one has all slots."""

    def __init__(self, client: Any, one: Node, two: Node) -> None:
        self.one, self.two = one, two
        self.whole = client
        self.client = raw_client(client, KEY)

    def belongs_to(self, node: Node) -> None:
        """Let both nodes report that this one has all slots."""
        message: Reply = [[0, 16383, [b"127.0.0.1", node.port, b"id"]]]
        self.one.slots = self.two.slots = message

    async def lose_the_first(self) -> None:
        """Let the first node refuse connections from now on."""
        await self.one.close()
        await self.whole.connection_pool.cluster.disconnect()

    def moved(self, node: Node) -> str:
        return f"-MOVED 1 127.0.0.1:{node.port}"

    def ask(self, node: Node) -> str:
        return f"-ASK 1 127.0.0.1:{node.port}"


@asynccontextmanager
async def nodes() -> AsyncIterator[Cluster]:
    async with AsyncExitStack() as stack:
        one, two = Node(), Node()
        for node in (one, two):
            await node.open()
            stack.push_async_callback(node.close)
        url = f"redis+cluster://127.0.0.1:{one.port},127.0.0.1:{two.port}"
        client = await stack.enter_async_context(new_client(url))
        cluster = Cluster(client, one, two)
        cluster.belongs_to(one)
        yield cluster


@pytest.fixture
async def cluster() -> AsyncIterator[Cluster]:
    async with nodes() as made:
        yield made


async def _get(cluster: Cluster) -> Any:
    return await send_command(cluster.client, "GET", KEY)


async def together(client: Redis) -> list[Any]:
    assert isinstance(client, SlotClient)
    return await client.send_following([("TIME",), ("GET", KEY)])


async def _read(cluster: Cluster) -> Any:
    return await read(cluster.client, ME, (KEY,), 10, 600)


class TestMoved:
    """A slot that has moved to another node for good."""

    async def test_a_redirected_command_and_later_ones_go_to_the_new_node(self, cluster: Cluster) -> None:
        cluster.one.replies_with("GET", cluster.moved(cluster.two))
        cluster.two.replies_with("GET", b"x")
        assert [await send_command(cluster.client, "GET", KEY) for _ in range(2)] == [b"x", b"x"]
        assert cluster.one.taken() == [f"GET {KEY}"]
        assert cluster.two.taken() == [f"GET {KEY}"] * 2
        assert (cluster.one.requests, cluster.two.requests) == (1, 0)

    async def test_a_node_that_names_no_host_means_its_own(self, cluster: Cluster) -> None:
        cluster.one.replies_with("GET", f"-MOVED 1 :{cluster.two.port}")
        cluster.two.replies_with("GET", b"x")
        assert await send_command(cluster.client, "GET", KEY) == b"x"

    async def test_only_the_redirected_commands_of_a_batch_are_resent(self, cluster: Cluster) -> None:
        moved = cluster.moved(cluster.two)
        cluster.one.replies_with("GET", b"a", moved, b"c", moved)
        cluster.two.replies_with("GET", b"b")
        answers = await send_each(cluster.client, [("GET", name) for name in "abc"])
        assert answers == [b"a", b"b", b"c"]
        assert cluster.two.taken() == ["GET b"]

    async def test_a_redirected_transaction_is_resent_as_a_whole(self, cluster: Cluster) -> None:
        cluster.one.replies_with("TIME", TIME)
        cluster.one.replies_with("GET", cluster.moved(cluster.two))
        cluster.two.replies_with("TIME", [b"8", b"0"])
        cluster.two.replies_with("GET", b"x")
        assert await together(cluster.client) == [[b"8", b"0"], b"x"]
        assert cluster.two.taken() == ["TIME", f"GET {KEY}"]

    async def test_nodes_that_redirect_to_each_other_are_asked_again(self, cluster: Cluster) -> None:
        cluster.one.replies_with("GET", cluster.moved(cluster.two))
        cluster.two.replies_with("GET", cluster.moved(cluster.one))
        with pytest.raises(SlotDownError, match="is moving, and each node names another one for it"):
            await send_command(cluster.client, "GET", KEY)
        assert (len(cluster.one.taken()), len(cluster.two.taken())) == (4, 3)
        cluster.one.replies_with("GET", b"x")
        requests = cluster.one.requests + cluster.two.requests
        assert await send_command(cluster.client, "GET", KEY) == b"x"
        assert cluster.one.requests + cluster.two.requests == requests + 1

    async def test_a_command_redirected_forever_is_an_error_within_a_batch(self, cluster: Cluster) -> None:
        cluster.one.replies_with("TIME", TIME)
        cluster.one.replies_with("GET", cluster.moved(cluster.one))
        with pytest.raises(SlotDownError, match="is moving"):
            await together(cluster.client)

    async def test_a_client_raises_the_error_of_the_reply(self, cluster: Cluster) -> None:
        """Calls of redis-py's own methods."""
        client: Any = cluster.client
        cluster.one.replies_with("GET", b"x", "-ERR no")
        assert await client.execute_command("GET", KEY) == b"x"
        with pytest.raises(ResponseError, match="no"):
            await client.execute_command("GET", KEY)


class TestAsk:
    """A slot that is migrating."""

    async def test_an_ask_redirects_only_this_command(self, cluster: Cluster) -> None:
        cluster.one.replies_with("GET", cluster.ask(cluster.two), b"y")
        cluster.two.replies_with("GET", b"x")
        assert [await send_command(cluster.client, "GET", KEY) for _ in range(2)] == [b"x", b"y"]
        assert cluster.two.taken() == ["ASKING", f"GET {KEY}"]

    async def test_each_command_of_a_batch_sends_asking(self, cluster: Cluster) -> None:
        cluster.one.replies_with("TIME", TIME)
        cluster.one.replies_with("GET", cluster.ask(cluster.two))
        cluster.two.replies_with("TIME", [b"8", b"0"])
        cluster.two.replies_with("GET", b"x")
        assert await together(cluster.client) == [[b"8", b"0"], b"x"]
        assert cluster.two.taken() == ["ASKING", "TIME", "ASKING", f"GET {KEY}"]

    async def test_a_transaction_sends_asking_once(self, cluster: Cluster) -> None:
        cluster.one.replies_with("XADD", cluster.ask(cluster.two))
        cluster.one.replies_with("EXEC", "-EXECABORT Transaction discarded")
        cluster.two.replies_with("XADD", "+QUEUED")
        cluster.two.replies_with("EXEC", [b"1-0", b"2-0"])
        adds = [("XADD", KEY, "*", "a", "b")] * 2
        assert await send_transaction(cluster.client, adds) == [b"1-0", b"2-0"]
        add = f"XADD {KEY} * a b"
        assert cluster.two.taken() == ["ASKING", "MULTI", add, add, "EXEC"]

    async def test_a_node_that_is_away_is_an_error_of_the_connection(self, cluster: Cluster) -> None:
        cluster.one.replies_with("GET", f"-ASK 1 127.0.0.1:{free_port()}")
        with pytest.raises(RedisConnectionError):
            await send_command(cluster.client, "GET", KEY)


class TestTryAgain:
    """Keys that are temporarily on different nodes."""

    async def test_a_tryagain_is_resent_until_it_succeeds(self, cluster: Cluster) -> None:
        cluster.one.replies_with("EVALSHA", "-TRYAGAIN later", "-TRYAGAIN later", 1)
        assert await send_command(cluster.client, "EVALSHA", "digest", 0) == 1
        assert len(cluster.one.taken()) == 3

    async def test_a_tryagain_is_given_up_after_seven_attempts(self, cluster: Cluster) -> None:
        cluster.one.replies_with("EVALSHA", "-TRYAGAIN later")
        with pytest.raises(TryAgainError):
            await send_command(cluster.client, "EVALSHA", "digest", 0)
        assert len(cluster.one.taken()) == 7


@pytest.mark.parametrize("send", [_get, _read])
async def test_tries_are_made_at_once_then_after_pauses_that_double_and_end_within_a_second(
    cluster: Cluster, send: Callable[[Cluster], Awaitable[Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []
    sleep = asyncio.sleep

    async def note(seconds: float) -> None:
        pauses.append(seconds)
        await sleep(0)

    monkeypatch.setattr(asyncio, "sleep", note)
    cluster.one.replies_with("GET", "-TRYAGAIN later")
    cluster.one.replies_with("XREADGROUP", "-TRYAGAIN later")
    with pytest.raises(TryAgainError):
        await within_patience(send(cluster))
    assert pauses[:2] == [0, 0]
    assert all(1 < later / earlier < 3 for earlier, later in pairwise(pauses[2:]))
    assert 0.5 < sum(pauses) < 1


class TestAway:
    """Nodes that do not serve, or do not exist."""

    @pytest.mark.parametrize(
        ("message", "error"),
        [("-CLUSTERDOWN The cluster is down", ClusterDownError), ("-READONLY a replica", ReadOnlyError)],
    )
    @pytest.mark.parametrize("alone", [True, False])
    async def test_a_node_without_the_slot_is_asked_last(
        self, cluster: Cluster, message: str, error: type[Exception], alone: bool
    ) -> None:
        cluster.one.replies_with("GET", message)
        cluster.two.replies_with("GET", b"x")
        if alone:
            with pytest.raises(error):
                await send_command(cluster.client, "GET", KEY)
        else:
            [time, answer] = await send_each(cluster.client, [("TIME",), ("GET", KEY)])
            assert time == b"OK"
            assert isinstance(answer, error)
        cluster.belongs_to(cluster.two)
        assert await send_command(cluster.client, "GET", KEY) == b"x"
        assert (cluster.one.requests, cluster.two.requests) == (1, 1)

    async def test_other_errors_do_not_move_the_slot(self, cluster: Cluster) -> None:
        cluster.one.replies_with("GET", "-WRONGTYPE no string", b"x")
        with pytest.raises(ResponseError, match="no string"):
            await send_command(cluster.client, "GET", KEY)
        assert await send_command(cluster.client, "GET", KEY) == b"x"
        assert (cluster.one.requests, cluster.two.requests) == (1, 0)

    async def test_commands_of_an_unreachable_node_go_to_the_new_owner_of_the_slot(
        self, cluster: Cluster
    ) -> None:
        await send_command(cluster.client, "GET", KEY)
        await cluster.lose_the_first()
        cluster.belongs_to(cluster.two)
        cluster.two.replies_with("GET", b"x")
        assert await send_command(cluster.client, "GET", KEY) == b"x"
        assert await send_each(cluster.client, [("GET", KEY)]) == [b"x"]

    async def test_an_unreachable_node_without_a_successor_is_a_connection_error(
        self, cluster: Cluster
    ) -> None:
        await send_command(cluster.client, "GET", KEY)
        await cluster.lose_the_first()
        for _ in range(2):
            with pytest.raises(RedisConnectionError):
                await send_command(cluster.client, "GET", KEY)
        await cluster.one.open()
        assert await send_command(cluster.client, "GET", KEY) == b"OK"

    async def test_an_unreachable_node_without_a_successor_is_tried_once(self, cluster: Cluster) -> None:
        """An unreachable node may take the whole connect timeout."""
        await send_command(cluster.client, "GET", KEY)
        await cluster.whole.connection_pool.cluster.disconnect()
        cluster.one.hangs_up, cluster.one.connections = True, 0
        with pytest.raises(RedisConnectionError):
            await send_command(cluster.client, "GET", KEY)
        assert cluster.one.connections == 2  # one for the command, one for the slots

    async def test_a_node_that_names_an_absent_one_is_asked_last_next_time(self, cluster: Cluster) -> None:
        """It is partitioned from the others, and does not know that a replica has taken over."""
        cluster.belongs_to(cluster.two)
        cluster.one.slots = [[0, 16383, [b"127.0.0.1", free_port(), b"id"]]]
        with pytest.raises(RedisConnectionError):
            await send_command(cluster.client, "GET", KEY)
        assert await send_command(cluster.client, "GET", KEY) == b"OK"

    async def test_announced_nodes_are_asked_when_the_others_are_gone(self, cluster: Cluster) -> None:
        cluster.belongs_to(cluster.two)
        async with new_client(f"redis+cluster://127.0.0.1:{cluster.one.port}") as client:
            known = cast("ClusterPool", client.connection_pool).cluster
            assert await known.find(1) == ("127.0.0.1", cluster.two.port)
            await cluster.one.close()
            assert await known.find(2) == ("127.0.0.1", cluster.two.port)

    async def test_an_unreachable_new_owner_is_a_connection_error(self, cluster: Cluster) -> None:
        await send_command(cluster.client, "GET", KEY)
        await cluster.lose_the_first()
        cluster.two.slots = [[0, 16383, [b"127.0.0.1", free_port(), b"id"]]]
        with pytest.raises(RedisConnectionError):
            await send_command(cluster.client, "GET", KEY)
        cluster.belongs_to(cluster.two)
        assert await send_command(cluster.client, "GET", KEY) == b"OK"

    async def test_an_unserved_slot_is_named(self, cluster: Cluster) -> None:
        cluster.one.slots = cluster.two.slots = [[0, 10, [b"127.0.0.1", cluster.one.port, b"id"]]]
        with pytest.raises(SlotDownError, match=r"no node of the cluster serves the slot \d+ now"):
            await send_command(cluster.client, "GET", KEY)
        assert (cluster.one.requests, cluster.two.requests) == (1, 1)
        cluster.belongs_to(cluster.two)
        await send_command(cluster.client, "GET", KEY)
        assert (cluster.one.requests, cluster.two.requests) == (2, 1)  # least recently asked first

    @pytest.mark.parametrize("silent_first", [True, False])
    async def test_an_answer_of_a_node_outweighs_the_silence_of_another(
        self, cluster: Cluster, silent_first: bool
    ) -> None:
        cluster.one.slots = cluster.two.slots = []
        await (cluster.one if silent_first else cluster.two).close()
        with pytest.raises(SlotDownError, match="no node of the cluster serves the slot"):
            await send_command(cluster.client, "GET", KEY)

    async def test_the_range_of_a_slot_has_both_its_ends(self, cluster: Cluster) -> None:
        slot = cluster.client.slot  # type: ignore[attr-defined]  # a client of one slot
        here: Reply = [b"127.0.0.1", cluster.two.port, b"id"]
        there: Reply = [b"127.0.0.1", cluster.one.port, b"id"]
        for first, last in ((slot, slot), (0, slot), (slot, 16383)):
            ranges: Reply = [[0, first - 1, there], [first, last, here], [last + 1, 16383, there]]
            cluster.one.slots = cluster.two.slots = ranges
            await cluster.whole.connection_pool.cluster.find(slot)
            await send_command(cluster.client, "GET", KEY)
            assert (cluster.one.taken(), cluster.two.taken()) == ([], [f"GET {KEY}"])

    async def test_a_silent_node_is_asked_for_slots_for_a_second(self) -> None:
        """However long other commands may take; with TLS it is silent from the handshake on."""
        with socket.create_server(("127.0.0.1", 0)) as silent:
            port = silent.getsockname()[1]
            for scheme in ("redis", "rediss"):
                url = f"{scheme}+cluster://127.0.0.1:{port}/?socket_timeout=600&socket_connect_timeout=600"
                async with new_client(url) as client:
                    pool: Any = client.connection_pool
                    with pytest.raises(RedisTimeoutError):
                        await within_patience(pool.cluster.find(None))

    @pytest.mark.parametrize("host", [None, b"", b"?", b"127.0.0.1"])
    async def test_a_host_that_a_node_does_not_know_is_its_own(
        self, cluster: Cluster, host: bytes | None
    ) -> None:
        port = cluster.two.port
        cluster.one.slots = [[0, 16383, [host, port, b"id"]]]
        known = cluster.whole.connection_pool.cluster
        assert await known.find(1) == ("127.0.0.1", port)
        assert known.nodes == [("127.0.0.1", cluster.one.port), ("127.0.0.1", port)]


class TestReads:
    """Reads, which block on the server."""

    async def ask(self, cluster: Cluster) -> ReadResult:
        found: ReadResult = await within_patience(read(cluster.client, ME, (KEY,), 10, 600))
        return found

    def serve(self, node: Node, *replies: Reply) -> None:
        node.replies_with("TIME", TIME)
        node.replies_with("XREADGROUP", *replies)

    @pytest.mark.parametrize("after", [True, False])
    async def test_a_redirected_read_goes_to_the_owner_of_the_slot(
        self, cluster: Cluster, after: bool
    ) -> None:
        self.serve(cluster.one, cluster.moved(cluster.two))
        self.serve(cluster.two, ROWS)
        assert list((await self.ask(cluster)).rows) == [KEY]
        if after:
            await self.ask(cluster)
        assert len(cluster.one.taken()) == 2
        assert len(cluster.two.taken()) == (4 if after else 2)

    async def test_a_read_of_a_migrating_slot_does_not_block(self, cluster: Cluster) -> None:
        self.serve(cluster.one, cluster.ask(cluster.two))
        self.serve(cluster.two, ROWS)
        found = await self.ask(cluster)
        assert (found.time, list(found.rows)) == (7005, [KEY])
        *_, requests = cluster.two.taken()
        assert requests == f"XREADGROUP GROUP shop me COUNT 10 STREAMS {KEY} >"

    async def test_a_read_with_tryagain_is_resent(self, cluster: Cluster) -> None:
        self.serve(cluster.one, "-TRYAGAIN later", "-TRYAGAIN later", ROWS)
        assert list((await self.ask(cluster)).rows) == [KEY]

    @pytest.mark.parametrize(
        ("message", "error"),
        [("-CLUSTERDOWN The cluster is down", ClusterDownError), ("-READONLY a replica", ReadOnlyError)],
    )
    async def test_a_read_of_an_unserved_slot_is_an_error_and_refreshes_the_topology(
        self, cluster: Cluster, message: str, error: type[Exception]
    ) -> None:
        self.serve(cluster.one, message)
        self.serve(cluster.two, ROWS)
        with pytest.raises(error):
            await self.ask(cluster)
        assert len(cluster.one.taken()) == 2
        cluster.belongs_to(cluster.two)
        assert list((await self.ask(cluster)).rows) == [KEY]

    async def test_a_read_redirected_repeatedly_is_an_error(self, cluster: Cluster) -> None:
        self.serve(cluster.one, cluster.moved(cluster.one))
        with pytest.raises(SlotDownError, match="is moving"):
            await self.ask(cluster)
        assert len(cluster.one.taken()) == 14
        self.serve(cluster.one, "-TRYAGAIN later")
        with pytest.raises(TryAgainError):
            await self.ask(cluster)

    async def test_a_blocking_read_can_be_interrupted(self, cluster: Cluster) -> None:
        interrupt_read(cluster.client, ME, (KEY,))
        self.serve(cluster.one, None)
        reading = asyncio.create_task(read(cluster.client, ME, (KEY,), 10, 600))
        while not cluster.one.sent:  # noqa: ASYNC110 - the node sets no event
            await asyncio.sleep(0.001)
        interrupt_read(cluster.client, ME, (KEY,))
        assert (await within_patience(reading)).rows == {}


async def test_credentials_of_the_url_are_used_and_never_shown() -> None:
    url = "redis+cluster://me:hush@a:1,b/?socket_timeout=7"
    async with new_client(url, socket_connect_timeout=3) as client:
        cluster: Any = client.connection_pool
        settings = cluster.cluster.settings
        assert (settings["username"], settings["password"]) == ("me", "hush")
        assert (settings["socket_timeout"], settings["socket_connect_timeout"]) == (7, 3)
        assert not settings.keys() & {"host", "port", "connection_class", "db"}
        assert cluster.cluster.nodes[0] == ("a", 1)
        assert cluster.cluster.client_of(("a", 1))
        assert "hush" not in repr(cluster) + repr(cluster.cluster) + repr(client) + repr(
            raw_client(client, KEY)
        )


@pytest.mark.parametrize(("scheme", "is_safe"), [("redis", False), ("rediss", True)])
async def test_the_scheme_determines_whether_nodes_use_tls(scheme: str, is_safe: bool) -> None:
    async with new_client(f"{scheme}+cluster://a") as client:
        pool: Any = client.connection_pool
        assert issubclass(pool.connection_class, SSLConnection) == is_safe
        for whole in (pool, pool.clone_for_loop()):
            node = whole.cluster.client_of(("b", 1)).connection_pool
            assert issubclass(node.connection_class, SSLConnection) == is_safe
            assert (node.connection_kwargs["host"], node.connection_kwargs["port"]) == ("b", 1)
        assert pool.clone_for_loop().cluster.settings["max_connections"] == 2


class TestClosing:
    """Connections and their closing."""

    async def test_a_client_closes_all_of_them(self, cluster: Cluster) -> None:
        await cluster.whole.execute_command("PING")
        cluster.belongs_to(cluster.two)
        await send_command(cluster.client, "GET", KEY)
        assert (cluster.one.connected, cluster.two.connected) == (1, 1)
        await cluster.whole.connection_pool.disconnect(inuse_connections=False)
        await eventually(lambda: cluster.one.connected == 0)
        assert cluster.two.connected == 1
        await cluster.whole.execute_command("PING")
        await cluster.whole.aclose()
        await eventually(lambda: (cluster.one.connected, cluster.two.connected) == (0, 0))

    async def test_a_client_of_another_loop_closes_its_own(self, cluster: Cluster) -> None:
        await send_command(cluster.client, "GET", KEY)
        async with clone_for_loop(cluster.client) as clone:
            await send_command(clone, "GET", KEY)
            assert cluster.one.connected == 2
        await eventually(lambda: cluster.one.connected == 1)


async def test_commands_of_no_stream_go_to_any_node_that_answers(cluster: Cluster) -> None:
    await cluster.whole.execute_command("PING")
    assert cluster.one.taken() == ["PING"]
    await cluster.one.close()
    await cluster.whole.connection_pool.disconnect()
    await cluster.whole.execute_command("PING")
    assert cluster.two.taken() == ["PING"]
    assert isinstance(MovedError("1 a:1"), ResponseError)
