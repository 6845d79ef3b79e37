"""What ``serve`` logs about an entry: its fields in JSON, the entry in a line of text, and nothing hidden."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from projects import ROUTES

if TYPE_CHECKING:
    import pytest

    from projects import Project

HANDLERS = """
import logging

log = logging.getLogger("shop")


async def fail(payload):
    log.warning("about to fail")
    raise KeyError(payload["guest"]["email"])


def plain(payload):
    log.info("in a thread")
    log.warning("%s is waiting", payload["guest"]["email"])
"""
SECRET = "ann@example.com"
HEAD = f"redact: [guest.email]{ROUTES}"
EVENT = {"type": "t", "n": 1, "guest": {"email": SECRET}}


def logged(project: Project, *options: str) -> str:
    project.routes(
        "name: a, type: t, handler: shop.fail",
        "name: b, type: t, handler: shop.plain",
        "name: c, type: t, handler: streamroute.handlers.log, with: {level: warning}",
        head=HEAD,
    )
    project.write("shop.py", HANDLERS)
    project.feed(json.dumps(EVENT))
    return project.run("serve", "--feed", "events.jsonl", "--drain", *options).err


def test_records_about_an_entry_have_its_fields(project: Project) -> None:
    err = logged(project, "--log-format", "json")
    records: list[dict[str, Any]] = [json.loads(line) for line in err.splitlines()]
    failures = [record for record in records if "failed" in record["message"]]
    assert [(each["route"], each["attempt"], each["error_class"]) for each in failures] == [
        ("a", 1, "KeyError"),
        ("a", 2, "KeyError"),
    ]
    own = {each["message"]: each["route"] for each in records if each["logger"] == "shop"}
    assert own == {"about to fail": "a", "in a thread": "b", "(redacted) is waiting": "b"}
    about = [each for each in records if "id" in each]
    assert len({each["id"] for each in about}) == 1
    for each in about:
        assert (each["stream"], each["type"]) == ("events", "t")
        assert len(each["generation"]) == 12
        assert each["worker"]


def test_lines_name_the_entry_and_the_stream(project: Project) -> None:
    lines = logged(project).splitlines()
    (entry_id,) = (bytes(entry[0]).decode() for entry in project.redis.xrange("events"))
    at = f"entry {entry_id} of events]"
    (failed,) = (line for line in lines if "route a failed (attempt 1)" in line)
    assert failed.endswith(f"KeyError: '(redacted)' [{at}")
    assert any(line.endswith(f"about to fail [route a, {at}") for line in lines)
    assert any(line.endswith("in a thread") for line in lines)


def test_a_hidden_value_is_in_no_line(project: Project) -> None:
    for options in ([], ["--log-format", "json"]):
        err = logged(project, *options, "--log-level", "debug")
        assert "(redacted)" in err
        assert SECRET not in err


def test_a_path_that_cannot_be_read_is_one_finding(
    project: Project, capfd: pytest.CaptureFixture[str]
) -> None:
    project.routes("name: a, type: t, handler: jobs.ok", head=f"redact: [guest..email, $.guest]{ROUTES}")
    done = project.run("check", "routes.yaml", "--format", "concise")
    assert done.code == 1
    assert done.out.count("must be a path to a field, such as guest.email") == 2
