"""``streamroute routes``: the table, its JSON, and the drawings."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projects import Done, Project
from streamroute.cli.output.graphs.dot import render as render_dot
from streamroute.cli.output.graphs.mermaid import render as render_mermaid
from streamroute.cli.output.graphs.svg import render as render_svg
from streamroute.ops.route_graph.graph import Graph, GraphNode, Layer
from streamroute.ops.route_graph.layout import lay_out
from streamroute.ops.route_object import without_secrets

CONFIG = """
version: 1
redis: {url: "${REDIS_URL:-embedded}"}
streams: {events: , audits: , idle: }
routes:
  - {name: vip, stream: events, type: booked, filter: 'tier == "gold" && a < `3`', handler: jobs.vip}
  - {name: all, stream: [events, audits], type: [booked, sold], handler: jobs.all, tags: [x]}
  - {name: off, stream: audits, type: sold, handler: jobs.all, enabled: false, with: {n: 1}}
"""
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def here(lone_project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(lone_project.folder)
    lone_project.write("routes.yaml", CONFIG)


@pytest.mark.usefixtures("here")
def test_the_table_has_a_line_for_each_route(command: Callable[..., Done]) -> None:
    assert command("routes").out == (
        "route  stream          type          filter                     handler   enabled  place\n"
        'vip    events          booked        tier == "gold" && a < `3`  jobs.vip  yes      routes.yaml:6\n'
        "all    events, audits  booked, sold  -                          jobs.all  yes      routes.yaml:7\n"
        "off    audits          sold          -                          jobs.all  no       routes.yaml:8\n"
    )


@pytest.mark.usefixtures("here")
def test_json_has_the_keys_of_a_route(command: Callable[..., Done]) -> None:
    shown = json.loads(command("routes", "--stream", "audits", "--format", "json").out)
    assert [route["name"] for route in shown] == ["all", "off"]
    assert shown[1] == {
        "name": "off",
        "streams": ["audits"],
        "types": ["sold"],
        "filter": None,
        "handler": "jobs.all",
        "with": {"n": 1},
        "enabled": False,
        "shadow": False,
        "canary": None,
        "instead_of": None,
        "pause_when": None,
        "description": "",
        "tags": [],
        "timeout": 300.0,
        "file": "routes.yaml",
        "line": 8,
    }


@pytest.mark.usefixtures("here")
def test_an_unknown_stream_is_a_matter_of_usage(command: Callable[..., Done]) -> None:
    assert command("routes", "--stream", "event").code == 2


@pytest.mark.usefixtures("here")
def test_mermaid_has_a_box_for_each_thing_and_escapes_their_text(command: Callable[..., Done]) -> None:
    assert command("routes", "--graph", "mermaid").out == (
        "flowchart LR\n"
        '  s1[("events")]\n'
        '  s2[("audits")]\n'
        '  s3[("idle")]\n'
        '  r1{{"vip<br/>tier == #34;gold#34; #38;#38; a #60; #96;3#96;"}}\n'
        '  t1(["booked"])\n'
        '  h1["jobs.vip"]\n'
        '  r2{{"all"}}\n'
        '  t2(["sold"])\n'
        '  t3(["booked"])\n'
        '  t4(["sold"])\n'
        '  h2["jobs.all"]\n'
        '  r3{{"off<br/>disabled"}}\n'
        "  s1 --> t1\n  t1 --> r1\n  r1 --> h1\n"
        "  t1 --> r2\n  s1 --> t2\n  t2 --> r2\n  s2 --> t3\n  t3 --> r2\n  s2 --> t4\n  t4 --> r2\n"
        "  r2 --> h2\n  t4 --> r3\n  r3 --> h2\n"
        "  classDef disabled stroke-dasharray: 4, opacity: 0.6\n"
        "  class r3 disabled\n"
    )


@pytest.mark.usefixtures("here")
def test_dot_ranks_the_boxes_and_escapes_their_text(command: Callable[..., Done]) -> None:
    out = command("routes", "--graph", "dot").out
    assert out.startswith("digraph routes {\n")
    assert '    r1 [label="vip\\ntier == \\"gold\\" && a < `3`"]\n' in out
    assert '    r3 [label="off" style="dashed"]\n' in out
    assert out.count('rank="same"') == 4
    assert out.count(" -> ") == 13


@pytest.mark.usefixtures("here")
def test_svg_is_xml_with_every_text_and_every_line(command: Callable[..., Done]) -> None:
    root = ET.fromstring(command("routes", "--graph", "svg").out)  # noqa: S314 - our own output
    texts = {text.text for text in root.iter(f"{SVG}text")}
    assert {"events", "idle", "booked", "jobs.all", "off (disabled)"} <= texts
    assert {"vip", 'tier == "gold" && a < `3`'} <= texts
    assert len(list(root.iter(f"{SVG}path"))) == 13


names = st.text(st.characters(codec="utf-8"), min_size=1, max_size=60)


ROLES = ["", "disabled", "shadow", "5% of old"]


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    """Draw any graph whose edges lead from one column to the next."""
    graph = Graph()
    for layer in Layer:
        for number in range(draw(st.integers(1, 5))):
            key = f"{'strh'[layer]}{number}"
            detail = draw(names) if layer is Layer.ROUTE else ""
            graph.nodes[key] = GraphNode(key, layer, draw(names), detail, draw(st.sampled_from(ROLES)))
    for layer in (Layer.STREAM, Layer.TYPE, Layer.ROUTE):
        for node in graph.layer(layer):
            end = draw(st.sampled_from(graph.layer(Layer(layer + 1))))
            graph.edges[node.key, end.key] = None
    for layer in (Layer.TYPE, Layer.ROUTE, Layer.HANDLER):
        for node in graph.layer(layer):
            start = draw(st.sampled_from(graph.layer(Layer(layer - 1))))
            graph.edges[start.key, node.key] = None
    return graph


@given(graphs())
def test_boxes_do_not_overlap_and_lie_on_the_page(graph: Graph) -> None:
    layout = lay_out(graph)
    boxes = list(layout.boxes.values())
    assert len(boxes) == len(graph.nodes)
    for box in boxes:
        assert -0.01 <= box.top <= box.top + box.height <= layout.height + 0.01
        assert 0 <= box.x <= box.x + box.width <= layout.width + 0.01
    for one in boxes:
        for two in boxes:
            if one is not two and one.x == two.x:
                assert abs(one.y - two.y) >= (one.height + two.height) / 2


@given(graphs())
def test_any_text_can_be_drawn(graph: Graph) -> None:
    root = ET.fromstring(render_svg(graph))  # noqa: S314 - our own output
    assert len(list(root.iter(f"{SVG}g"))) == len(graph.nodes)
    for line in render_mermaid(graph).splitlines()[1:]:
        assert re.fullmatch(r"[A-Za-z0-9 _.,/=:()'!?{}\[\]\"<>#;-]*", line)
    assert render_dot(graph).count('label="') == len(graph.nodes)


def test_json_shows_no_password_of_an_address_and_no_header(
    tmp_path: Path, command: Callable[..., Done], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("routes.yaml").write_text(
        "version: 1\nstreams: {s: }\nroutes:\n  - name: tell\n    type: t\n"
        "    handler: streamroute.handlers.webhook\n    with:\n"
        "      url: https://bob:s3cret@example.com/hook\n"
        "      headers: {X-Key: s3cret}\n      headers_from_env: {X-Other: KEY}\n",
        encoding="utf-8",
    )
    [shown] = json.loads(command("routes", "--format", "json").out)
    assert shown["with"] == {
        "url": "https://**********@example.com/hook",
        "headers": {"X-Key": "******"},
        "headers_from_env": {"X-Other": "KEY"},
    }


def test_json_shows_other_arguments_as_they_are() -> None:
    held = {"n": 1, "words": ["a", {"b": None, "c": [True, 1.5]}], "db": {"password": "s3cret", "user": "u"}}
    assert without_secrets(held) == {**held, "db": {"password": "******", "user": "u"}}
