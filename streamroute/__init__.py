"""streamroute: a router for Redis Streams, configured by routes.yaml.

Public names are imported on first use, so that the command line starts fast.
"""

from __future__ import annotations

from importlib import import_module

from streamroute.version import VERSION

TYPE_CHECKING = False  # True to type checkers; importing typing would be slower than all else here
if TYPE_CHECKING:
    from typing import Final

    from streamroute.adapters.redis.connection import new_client as new_client
    from streamroute.adapters.stream.retry_scheduler import RedisRetryScheduler as RedisRetryScheduler
    from streamroute.adapters.stream.storage import RedisStreamStorage as RedisStreamStorage
    from streamroute.application.application import Application as Application
    from streamroute.application.health import Health as Health
    from streamroute.application.opening import open as open  # noqa: A004 - read as streamroute.open
    from streamroute.compiler.api import compile_routes as compile_routes
    from streamroute.core.dispatch.outcomes import RoutesFailedError as RoutesFailedError
    from streamroute.core.dispatcher import BotRedisDispatcher as BotRedisDispatcher
    from streamroute.core.dispatcher import RetrySchedulerProtocol as RetrySchedulerProtocol
    from streamroute.core.processor import RedisStreamProcessor as RedisStreamProcessor
    from streamroute.core.router import RedisRouter as RedisRouter
    from streamroute.core.storage import StreamStorageProtocol as StreamStorageProtocol
    from streamroute.delivery import Delivery as Delivery
    from streamroute.durations import RetryPolicy as RetryPolicy
    from streamroute.errors import ConfigError as ConfigError
    from streamroute.errors import DecodeError as DecodeError
    from streamroute.errors import EncodeError as EncodeError
    from streamroute.errors import PayloadError as PayloadError
    from streamroute.errors import PublishError as PublishError
    from streamroute.errors import RedisUnavailableError as RedisUnavailableError
    from streamroute.errors import Reject as Reject
    from streamroute.errors import Retry as Retry
    from streamroute.errors import SetupError as SetupError
    from streamroute.errors import StreamrouteError as StreamrouteError
    from streamroute.errors import StuckHandlerError as StuckHandlerError
    from streamroute.logs.coalescing import CoalescingHandler as CoalescingHandler
    from streamroute.message import Message as Message
    from streamroute.ops.reload.result import ReloadResult as ReloadResult
    from streamroute.publishing.event import Event as Event
    from streamroute.publishing.publisher import Publisher as Publisher
    from streamroute.publishing.sync_publisher import SyncPublisher as SyncPublisher

__version__: Final = VERSION

_HOMES: Final = {
    "Application": "streamroute.application.application",
    "BotRedisDispatcher": "streamroute.core.dispatcher",
    "CoalescingHandler": "streamroute.logs.coalescing",
    "compile_routes": "streamroute.compiler.api",
    "ConfigError": "streamroute.errors",
    "DecodeError": "streamroute.errors",
    "Delivery": "streamroute.delivery",
    "EncodeError": "streamroute.errors",
    "Event": "streamroute.publishing.event",
    "Health": "streamroute.application.health",
    "Message": "streamroute.message",
    "new_client": "streamroute.adapters.redis.connection",
    "open": "streamroute.application.opening",
    "PayloadError": "streamroute.errors",
    "Publisher": "streamroute.publishing.publisher",
    "PublishError": "streamroute.errors",
    "RedisRetryScheduler": "streamroute.adapters.stream.retry_scheduler",
    "RedisRouter": "streamroute.core.router",
    "RedisStreamProcessor": "streamroute.core.processor",
    "RedisStreamStorage": "streamroute.adapters.stream.storage",
    "RedisUnavailableError": "streamroute.errors",
    "Reject": "streamroute.errors",
    "ReloadResult": "streamroute.ops.reload.result",
    "Retry": "streamroute.errors",
    "RetryPolicy": "streamroute.durations",
    "RetrySchedulerProtocol": "streamroute.core.dispatcher",
    "RoutesFailedError": "streamroute.core.dispatch.outcomes",
    "SetupError": "streamroute.errors",
    "StreamrouteError": "streamroute.errors",
    "StreamStorageProtocol": "streamroute.core.storage",
    "SyncPublisher": "streamroute.publishing.sync_publisher",
    "StuckHandlerError": "streamroute.errors",
}

__all__ = [  # noqa: PLE0604 - the table above is the list
    "__version__",
    *_HOMES,
]


if not TYPE_CHECKING:  # a type checker would take a module with __getattr__ to have every name

    def __getattr__(name):
        home = _HOMES.get(name)
        if home is None:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(home), name)


def __dir__() -> list[str]:
    return sorted(__all__)
