"""Watches for groups that were left behind, one for each stream that is consumed."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

from streamroute.adapters.groups.renaming.abandoned import OtherGroups
from streamroute.adapters.groups.renaming.rename_watch import GroupWatch, watch_groups

if TYPE_CHECKING:
    from streamroute.adapters.redis.connection import RedisConnection
    from streamroute.services.generation import Generation
    from streamroute.stream_pipeline import Pipeline


class GroupWatches:
    """Warns about groups that had routes of the current generation, and have no worker."""

    def __init__(self, connection: RedisConnection) -> None:
        self._redis = connection
        self._watches: Mapping[str, GroupWatch] = {}

    def use(self, generation: Generation) -> None:
        """Watch for the routes of this generation; what was reported is not reported again."""
        watches = {name: self._watch(pipeline) for name, pipeline in generation.pipelines.items()}
        for name in watches.keys() & self._watches.keys():
            watches[name].continue_from(self._watches[name])
        self._watches = watches

    async def check_at_start(self, stream: str) -> None:
        """See ``GroupWatch``; does nothing if the stream is not consumed any more."""
        if stream in self._watches:
            await self._watches[stream].check_at_start()

    async def run(self, every: float) -> None:
        """Check all groups every ``every`` seconds until cancelled."""
        await watch_groups(self._current, every)

    def _current(self) -> Collection[GroupWatch]:
        return self._watches.values()

    def _watch(self, pipeline: Pipeline) -> GroupWatch:
        stream = pipeline.stream
        routes = [route.name for route in pipeline.document.served(stream.name)]
        others = OtherGroups(self._redis, stream.name, stream.group, routes)
        return GroupWatch(stream.name, others, stream.formerly_group)
