"""The examples of deployments: their files fit the command line and each other, and do what they promise."""

from __future__ import annotations

import configparser
import json
import os
import re
import shlex
import signal
import subprocess
import threading
import tomllib
from pathlib import Path
from typing import Any, Final

import click
import pytest
import yaml

from checkout_program import environment_with_program
from config_map_volume import ConfigMapVolume
from metrics_scraper import Scraper
from projects import Project
from repository import EXAMPLES, ROOT
from servers import wait_until
from streamroute.cli.main import streamroute
from streamroute.compiler.pipeline import check_path
from streamroute.ops.serve.stop_time import max_stop_seconds

FOLDER: Final = EXAMPLES / "deploy"
STATE_DIR: Final = "STREAMROUTE_STATE_DIR"


def options_of(words: list[str]) -> dict[str, Any]:
    """Return the options of a command line after ``streamroute``; fails on those that do not exist."""
    command = streamroute.get_command(click.Context(streamroute), words[0])
    assert command is not None
    options, _, _ = command.make_parser(click.Context(command)).parse_args(words[1:])
    return dict(options)


def stop_seconds() -> float:
    """Return how long a stop of the example may take."""
    document = check_path(EXAMPLES / "bookings", imports=False, unset="info").document
    assert document is not None
    return max_stop_seconds(document)


# systemd


@pytest.fixture
def service() -> dict[str, str]:
    unit = configparser.ConfigParser(interpolation=None, strict=False)
    unit.optionxform = str  # type: ignore[assignment,method-assign]  # as its documentation shows
    unit.read(FOLDER / "streamroute@.service")
    return dict(unit["Service"])


def test_the_unit_serves_and_reloads_with_options_that_exist(service: dict[str, str]) -> None:
    serve, reload = (shlex.split(service[key]) for key in ("ExecStart", "ExecReload"))
    assert serve[0] == reload[0]
    assert serve[0].endswith("/bin/streamroute")
    assert (serve[1], reload[1:]) == ("serve", ["reload"])
    metrics = options_of(serve[1:])["metrics"]
    assert f"http://{metrics}/healthz" in service["ExecStartPost"]


def test_serve_and_reload_of_the_unit_share_a_state_folder(service: dict[str, str]) -> None:
    assert service["Environment"] == f"{STATE_DIR}=%S/{service['StateDirectory']}"


def test_the_unit_waits_for_the_drain(service: dict[str, str]) -> None:
    assert float(service["TimeoutStopSec"]) > stop_seconds()
    assert service["KillSignal"] == "SIGTERM"


# Containers


@pytest.fixture
def instructions() -> list[tuple[str, str]]:
    """The instructions of the Dockerfile, with their arguments."""
    text = (FOLDER / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [(word, rest) for word, _, rest in (line.partition(" ") for line in lines)]


def test_the_image_serves_as_a_user_without_rights(instructions: list[tuple[str, str]]) -> None:
    last = dict(instructions)
    assert int(last["USER"]) > 0
    assert json.loads(last["ENTRYPOINT"]) == ["streamroute"]
    assert json.loads(last["CMD"])[0] == "serve"
    assert options_of(json.loads(last["CMD"]))["metrics"].endswith(f":{last['EXPOSE']}")
    assert last["STOPSIGNAL"] == "SIGTERM"
    assert f"{STATE_DIR}={last['VOLUME']}/" in last["ENV"]


def test_the_image_installs_extras_that_exist_and_checks_the_configuration(
    instructions: list[tuple[str, str]],
) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    (requirement,) = [shlex.split(rest)[0] for word, rest in instructions if word == "ARG"]
    found = re.fullmatch(r"REQUIREMENT=streamroute\[(.+)\]==(.+)", requirement)
    assert found
    assert set(found[1].split(",")) <= project["optional-dependencies"].keys()
    assert found[2] == project["version"]
    assert ("RUN", "streamroute check") in instructions


# Kubernetes


@pytest.fixture
def manifest() -> dict[str, Any]:
    """The objects of the manifest, by their kind."""
    text = (FOLDER / "kubernetes.yaml").read_text(encoding="utf-8")
    return {each["kind"]: each for each in yaml.safe_load_all(text)}


def pod(manifest: dict[str, Any]) -> dict[str, Any]:
    return dict(manifest["Deployment"]["spec"]["template"]["spec"])


def container(manifest: dict[str, Any]) -> dict[str, Any]:
    (only,) = pod(manifest)["containers"]
    return dict(only)


def test_the_pod_reloads_and_has_time_to_drain(manifest: dict[str, Any]) -> None:
    options = options_of(container(manifest)["args"])
    assert {"--reload", "--no-embedded"} <= set(container(manifest)["args"])
    assert pod(manifest)["terminationGracePeriodSeconds"] > stop_seconds()
    probe = container(manifest)["readinessProbe"]["httpGet"]
    (port,) = container(manifest)["ports"]
    assert (probe["path"], probe["port"]) == ("/healthz", port["name"])
    assert options["metrics"] == f"0.0.0.0:{port['containerPort']}"


def test_the_pod_mounts_the_folder_of_the_configuration(manifest: dict[str, Any]) -> None:
    """A file that is mounted by ``subPath`` is never updated."""
    mounts = {mount["name"]: mount for mount in container(manifest)["volumeMounts"]}
    volumes = {volume["name"]: volume for volume in pod(manifest)["volumes"]}
    assert mounts.keys() == volumes.keys()
    assert volumes["routes"]["configMap"]["name"] == manifest["ConfigMap"]["metadata"]["name"]
    assert f"{mounts['routes']['mountPath']}/routes.yaml" in container(manifest)["args"]
    assert not any("subPath" in mount for mount in mounts.values())


def test_a_new_pod_is_ready_before_an_old_one_stops(manifest: dict[str, Any]) -> None:
    spec = manifest["Deployment"]["spec"]
    assert spec["strategy"]["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0}
    assert spec["selector"]["matchLabels"] == spec["template"]["metadata"]["labels"]


@pytest.fixture
def mounted(project: Project, manifest: dict[str, Any]) -> tuple[Project, ConfigMapVolume]:
    """The ConfigMap where the pod has it, beside the handlers of the image."""
    project.env["PYTHONPATH"] += os.pathsep + str(EXAMPLES / "bookings")
    project.env[STATE_DIR] = str(project.folder / "state")
    return project, ConfigMapVolume(project.folder / "streamroute", manifest["ConfigMap"]["data"])


def test_the_config_map_passes_the_check(mounted: tuple[Project, ConfigMapVolume]) -> None:
    project, volume = mounted
    done = project.run("check", "--env", str(volume.folder))
    assert done.code == 0, done.out


def test_an_update_of_the_config_map_is_live_and_a_bad_one_is_refused(
    mounted: tuple[Project, ConfigMapVolume], manifest: dict[str, Any]
) -> None:
    project, volume = mounted
    words = {"/etc/streamroute/routes.yaml": f"{volume.folder}/routes.yaml"}
    arguments = [words.get(word, word) for word in container(manifest)["args"]]
    running = project.start(*[re.sub(r"=0\.0\.0\.0:.*", "=127.0.0.1:0", word) for word in arguments])
    metrics = Scraper(running.expect_log("2 routes: welcome-vip, confirm"))
    data = dict(manifest["ConfigMap"]["data"])
    part = "notifications.routes.yaml"
    data[part] = data[part].replace("`3`", "`2`")
    data["billing.routes.yaml"] = (
        "version: 1\nroutes:\n- {name: charge, type: booking.confirmed, handler: shop.billing.charge}\n"
    )
    volume.update(data)
    wait_until(lambda: _added(running.err), "the new file of the ConfigMap", 60)
    bookings = EXAMPLES / "bookings"
    publish = ("publish", "--config", str(bookings), "bot_events", str(bookings / "events.jsonl"))
    assert project.run(*publish).code == 0
    counts = {"welcome-vip": 2, "confirm": 3, "charge": 3}
    metrics.until(lambda samples: _succeeded(samples, counts), "the new filter and the new route")
    volume.update({**data, "billing.routes.yaml": data["billing.routes.yaml"].replace("handler", "handlr")})
    running.expect_log("reload (file change) refused, generation ")
    assert 'did you mean \\"handler\\"' in running.err
    assert project.run(*publish).code == 0
    twice = {route: 2 * count for route, count in counts.items()}
    metrics.until(lambda samples: _succeeded(samples, twice), "the earlier generation")
    assert running.signal(signal.SIGTERM).end().code == 0


def _added(log: str) -> bool:
    """Whether the second route file is live: its link may appear one poll after the other files."""
    return "1 route added: charge" in log or ("1 route added" in log and "welcome-vip" in log)


def _succeeded(samples: dict[Any, float], counts: dict[str, int]) -> bool:
    return all(
        samples.get(("messages_total", "succeeded", route, "bot_events")) == count
        for route, count in counts.items()
    )


# Start the new one, then stop the old


def test_a_rolling_restart_loses_nothing_and_repeats_nothing(project: Project) -> None:
    project.routes("name: ok, type: t, handler: jobs.ok")
    project.env[STATE_DIR] = str(project.folder / "state")
    is_enough = threading.Event()
    published: list[int] = []

    def publish() -> None:
        while not is_enough.wait(0.002):
            published.append(len(published))
            project.redis.xadd("events", {"type": "t", "data": f'{{"n": {published[-1]}}}'})

    old = project.start("serve").expect_log("1 route: ok")
    producer = threading.Thread(target=publish)
    producer.start()
    try:
        for _ in range(2):
            project.notes(f"ok {len(published)}")
            new = project.start("serve").expect_log("1 route: ok")
            assert old.signal(signal.SIGTERM).end().code == 0
            old = new
        project.notes(f"ok {len(published)}")
    finally:
        is_enough.set()
        producer.join()
    wait_until(lambda: len(project.ledger) >= len(published), "all messages", 60)
    assert old.signal(signal.SIGTERM).end().code == 0
    assert sorted(project.ledger) == sorted(f"ok {n}" for n in published)
    assert project.pending() == 0


# A change while events flow


@pytest.fixture
def program(tmp_path: Path) -> dict[str, str]:
    """An environment with the command, and an embedded server."""
    return environment_with_program(tmp_path, REDIS_URL="")


def test_the_rolling_change_prints_what_the_page_shows(program: dict[str, str], tmp_path: Path) -> None:
    page = (FOLDER / "README.md").read_text(encoding="utf-8")
    found = re.search(r"^<!-- rolling-change -->\n```text\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    assert found
    (tmp_path / "work").mkdir()
    done = subprocess.run(
        [str(FOLDER / "rolling-change.sh"), str(tmp_path / "work")],
        env=program,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert (done.returncode, steady(done.stdout)) == (0, steady(found[1])), done.stderr
    shares = [int(welcomed) / int(all_) for all_, welcomed in COUNTS.findall(done.stdout)]
    assert [round(3 * share) for share in shares] == [1, 2, 2, 1]
    events, confirmed = re.findall(r"^published (\d+) events|^(\d+) confirmed$", done.stdout, re.MULTILINE)
    assert int(confirmed[1]) == int(events[0]) * 3 / 5


COUNTS: Final = re.compile(r"^(\d+) confirmed, (\d+) welcomed$", re.MULTILINE)
VARYING: Final = {
    r"\b[0-9a-f]{12}\b": "HASH",
    r"\d{4}-\d\d-\d\dT[\d:+]+": "TIME",
    r"in \d+\.\d\d s": "in N s",
    r"process \d+": "process N",
    r" {2,}": "  ",
    r"embedded:\S+": "embedded:FOLDER",
    r"\b\d+ (confirmed|welcomed|events)": r"N \1",
}
"""What differs from run to run, and what stands for it."""


def steady(text: str) -> str:
    for pattern, replacement in VARYING.items():
        text = re.sub(pattern, replacement, text)
    return text.strip()
