"""``serve`` applies the delivery settings of routes.yaml: dedupe, trim, and the record of dead letters."""

from __future__ import annotations

import json
import signal

from projects import ROUTES, Project
from servers import wait_until

DEAD = "{events}:tests:dead"


def test_a_repeated_key_is_handled_once(each_project: Project) -> None:
    each_project.routes("name: ok, type: t, handler: jobs.ok, dedupe: {key: payment, ttl: 1h}")
    each_project.feed(*(json.dumps({"type": "t", "n": n, "payment": n % 2}) for n in range(6)))
    done = each_project.run("serve", "--feed", "events.jsonl", "--drain")
    handled = sorted(int(line.removeprefix("ok ")) % 2 for line in each_project.ledger)
    assert (done.code, handled) == (0, [0, 1])  # one of each key: they run concurrently, either may be first
    [row] = [line.split() for line in done.out.splitlines() if line.startswith("events")]
    assert row == ["events", "ok", "6", "2", "0"]
    key = next(each_project.redis.scan_iter("{events}:tests:dedupe:ok:*"))
    assert each_project.redis.get(key).startswith(b"done ")
    assert 0 < each_project.redis.ttl(key) <= 3600


def test_dead_letters_name_the_configuration_that_they_died_under(each_project: Project) -> None:
    each_project.routes("name: fail, type: t, handler: jobs.fail")
    each_project.feed('{"type": "t", "n": 1}')
    each_project.run("serve", "--feed", "events.jsonl", "--drain")
    each_project.routes("name: fail, type: t, handler: jobs.fail, description: another text")
    each_project.run("serve", "--feed", "events.jsonl", "--drain")
    facts = [json.loads(fields[b"_streamroute"]) for _, fields in each_project.redis.xrange(DEAD)]
    assert [len(fact["generation"]) for fact in facts] == [12, 12]
    assert facts[0]["generation"] != facts[1]["generation"]
    assert [fact["type"] for fact in facts] == ["t", "t"]


def test_a_stream_is_trimmed_while_it_is_served(each_project: Project) -> None:
    each_project.redis.config_set("stream-node-max-entries", 10)
    head = ROUTES.replace("    group", "    trim: {keep: acked}\n    group")
    each_project.routes("name: ok, type: t, handler: jobs.ok", head=head)
    each_project.feed(*(json.dumps({"type": "t", "n": n}) for n in range(100)))
    assert each_project.run("serve", "--feed", "events.jsonl", "--drain").code == 0
    running, redis = each_project.start("serve").expect_log("stream events"), each_project.redis
    wait_until(lambda: redis.xlen("events") <= 20, "the stream to be trimmed")
    assert running.signal(signal.SIGTERM).end().code == 0
    redis.config_set("stream-node-max-entries", 100)
    assert len(each_project.ledger) == 100
