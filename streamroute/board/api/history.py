"""What was done: jobs, the audit log, and generations of the configuration."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from streamroute.board.api.endpoint import ApiEndpoint
from streamroute.board.pages import audit, config, jobs
from streamroute.compiler.rules.finding_object import finding_object
from streamroute.ops.audit import action_object
from streamroute.ops.jobs.job_object import stored_object
from streamroute.text.times import time_text

if TYPE_CHECKING:
    from starlette.requests import Request

    from streamroute.board.service import BoardService

_MAX_FINDINGS: Final = 1_000


async def _jobs(service: BoardService, request: Request) -> Mapping[str, Any]:
    values = await jobs.load(service, request)
    return {"jobs": [stored_object(stored) for stored in values["jobs"]], "problems": values["problems"]}


async def _audit(service: BoardService, request: Request) -> Mapping[str, Any]:
    values = await audit.load(service, request)
    return {"actions": [action_object(stored) for _, stored in values["actions"]]}


async def _config(service: BoardService, request: Request) -> Mapping[str, Any]:
    values = await config.load(service, request)
    running, history, findings = service.document.generation, values["history"], values["findings"]
    generations = [] if history is None else history.generations
    return {
        "generation": running,
        "findings": [finding_object(finding) for finding in findings[:_MAX_FINDINGS]],
        "findings_left_out": max(0, len(findings) - _MAX_FINDINGS),
        "generations": [each.as_dict(is_current=each.generation == running) for each in generations],
        "problem": values["history_problem"],
        "reloads": [
            {"time": time_text(each.at / 1000), **each.result.as_dict()} for each in values["reloads"]
        ],
    }


JOBS: Final = ApiEndpoint("/jobs", "Paced retries and replays, the newest first.", _jobs)
AUDIT: Final = ApiEndpoint("/audit", "What operators did, the newest first.", _audit)
CONFIG: Final = ApiEndpoint("/config", "The running generation, its findings, and the ones before.", _config)
