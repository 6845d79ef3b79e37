"""The kinds of deploys: the old configuration, and the new one that replaces it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from deploy_load import CHANGED, PLACED
from deploy_setups import AUDIT, AUDITED, FLAKY, PLAIN, RECORD, Setup, with_audit
from oracle import disorder

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from deploy_verdict import Rollout

LONG_LEASE: Final = 60.0
SHORT_LEASE: Final = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A deploy from ``old`` to ``new``, optionally with ``between`` running beside both.

    ``pack`` is when the producer starts to send what only the new codec reads. ``kills`` are the workers that
    are killed: a ``new`` one when all are new, the last ``old`` one instead of its SIGTERM, or the only new
    one, which comes ``back`` each time. With ``waits``, new workers do nothing while old ones live. ``also``
    finds further problems.
    """

    old: Setup
    new: Setup
    between: Setup | None = None
    pack: str = "never"
    kills: str = "none"
    waits: bool = False
    also: Callable[[Rollout], Sequence[str]] = lambda rollout: ()


def _ordered_by(keys: int) -> Callable[[Rollout], Sequence[str]]:
    """Under the new configuration, messages of one key run one at a time and, when new, in order.

    Messages that an old worker had read and not started run after newer ones; these are not checked.
    """

    def find(rollout: Rollout) -> Sequence[str]:
        late = {message.id for message in rollout.sent if message.sent > rollout.last_old}
        runs = [run for run in rollout.runs if rollout.setups[run.worker] is rollout.new]
        beside = [problem for problem in disorder(runs, keys) if " ran beside " in problem]
        return beside + disorder([run for run in runs if run.id in late], keys)

    return find


_MOVED = replace(FLAKY, kinds=(PLACED,)), replace(FLAKY, name="reviewed", kinds=(CHANGED,))

KINDS: Final[dict[str, Kind]] = {
    "route added": Kind(old=PLAIN, new=AUDITED),
    "route removed": Kind(old=replace(AUDITED, lease=1), new=replace(PLAIN, lease=1)),
    "route renamed": Kind(old=AUDITED, new=with_audit(name="ledger", formerly=("audit",))),
    "route renamed, with dedupe": Kind(
        old=with_audit(dedupe=True), new=with_audit(dedupe=True, name="ledger", formerly=("audit",))
    ),
    "route renamed twice, with dedupe": Kind(
        old=with_audit(dedupe=True),
        between=with_audit(dedupe=True, name="ledger", formerly=("audit",)),
        new=with_audit(dedupe=True, name="books", formerly=("audit", "ledger")),
    ),
    "route added, on a worker that dies": Kind(
        old=replace(PLAIN, lease=4), new=replace(AUDITED, lease=4), kills="back"
    ),
    "filter narrowed": Kind(old=AUDITED, new=with_audit(tiers=("gold",))),
    "filter widened": Kind(old=AUDITED, new=with_audit(tiers=None)),
    "handler path changed": Kind(old=AUDITED, new=with_audit(handler="deploy_effects.moved_effect")),
    "codec changed": Kind(
        old=AUDITED, new=replace(AUDITED, codec="deploy_effects:Compressed"), pack="after the last old worker"
    ),
    "codec changed, producer first": Kind(
        old=AUDITED,
        new=replace(AUDITED, codec="deploy_effects:Compressed"),
        pack="before the last old worker",
    ),
    "group renamed": Kind(
        old=AUDITED, new=replace(AUDITED, group="store", formerly_group=AUDITED.group), waits=True
    ),
    "group renamed, an old worker dies": Kind(
        old=replace(AUDITED, lease=1),
        new=replace(AUDITED, lease=1, group="store", formerly_group=AUDITED.group),
        waits=True,
        kills="old",
    ),
    "lease shortened": Kind(
        old=replace(AUDITED, lease=LONG_LEASE), new=replace(AUDITED, lease=SHORT_LEASE), kills="new"
    ),
    "lease lengthened": Kind(old=replace(AUDITED, lease=SHORT_LEASE), new=replace(AUDITED, lease=LONG_LEASE)),
    "order_by added": Kind(old=AUDITED, new=replace(AUDITED, order_by="key"), also=_ordered_by(7)),
    "order_by changed": Kind(
        old=replace(AUDITED, order_by="key"), new=replace(AUDITED, order_by="lane"), also=_ordered_by(11)
    ),
    "max_attempts lowered": Kind(old=AUDITED, new=replace(AUDITED, max_attempts=2)),
    "type moved to another route": Kind(
        old=replace(AUDITED, routes=(RECORD, FLAKY, AUDIT)),
        new=replace(AUDITED, routes=(RECORD, *_MOVED, AUDIT)),
    ),
}
"""By name."""
