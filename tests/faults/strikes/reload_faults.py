"""Reloads, good and bad by turns, while workers are at full speed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reload_configs import BAD, REFUSED_LATE, TERMS
from reload_storm import COMMAND, Blow, ReloadStorm
from reload_verdict import judge_storm
from scenarios import own_scenario

if TYPE_CHECKING:
    import random
    from collections.abc import Sequence

    from scene import Scene

_ALL = 200
_KILLS = 6


@own_scenario("two hundred reloads under --workers, and kill -9", workers=0, terms=TERMS, command=COMMAND)
def reload_workers(scene: Scene) -> None:
    """Each effect is of one generation, whoever dies meanwhile, and old containers are closed."""
    _storm(scene, ReloadStorm(scene, workers=2), _blows(scene.rng, _ALL, kills=_KILLS))


@own_scenario("reloads of one process", workers=0, terms=TERMS, command=COMMAND)
def reload_one_process(scene: Scene) -> None:
    """The same without a supervisor: nothing runs twice."""
    _storm(scene, ReloadStorm(scene), _blows(scene.rng, 2 * len(BAD)))


@own_scenario("reloads that one of two workers refuses", workers=0, terms=TERMS, command=COMMAND)
def refuse_in_one_worker(scene: Scene) -> None:
    """Then neither worker runs the edit, although the other one was ready for it."""
    _storm(scene, ReloadStorm(scene, workers=2, bad=[REFUSED_LATE]), [Blow()] * 4)


def _storm(scene: Scene, storm: ReloadStorm, blows: Sequence[Blow]) -> None:
    scene.problems += judge_storm(storm.play(blows))


def _blows(rng: random.Random, count: int, *, kills: int = 0) -> list[Blow]:
    """Return the blows of a storm: most edits come with SIGHUP; the kills leave time for the rest."""
    blows = [Blow(_cause(edit)) for edit in range(1, count + 1)]
    for edit in rng.sample(range(count * 3 // 4), kills):
        blows[edit] = Blow("SIGHUP", kill=rng.choice(["before", "after"]))
    return blows


def _cause(edit: int) -> str:
    if edit % 11 == 3:
        return "polling"
    return "command" if edit % 37 == 5 else "SIGHUP"
