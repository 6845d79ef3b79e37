"""Build routers from checked routes; each handler is wrapped with what its route declares."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from types import FunctionType
from typing import TYPE_CHECKING, Any, Final

from streamroute.compiler.checked_route import CheckedRoute, RuntimeContext
from streamroute.compiler.resolve.call_signature import HandlerCall
from streamroute.config.document import RouteConfig, StreamConfig
from streamroute.core.router import FilterFunc, HandlerFunc, RedisRouter
from streamroute.errors import Reject, SetupError

if TYPE_CHECKING:
    from streamroute.adapters.codecs.builtin import Codec
    from streamroute.compiler.runtime.route_handler import Prepare
    from streamroute.compiler.trials.canaries import Canaries
    from streamroute.compiler.validation.data_check import Check
    from streamroute.core.tracing import Tracing
    from streamroute.expressions.filters import FilterError

NEEDS: Final = "__streamroute_needs__"
"""The attribute that names the resource which a built-in handler receives instead of the container."""
CHECK: Final = "__streamroute_check__"
"""The attribute with the function that checks a built-in handler's arguments."""


def build_routers(
    routes: Iterable[CheckedRoute],
    stream: StreamConfig,
    runtime: RuntimeContext,
    checks: Mapping[str, Check],
    codec: Codec | str,
) -> list[RedisRouter]:
    """Build one router for each file that has routes for the stream, in the order of the files.

    ``checks`` validate the data by type; ``codec`` separates it from the envelope. Raises SetupError if a
    handler was not resolved.
    """
    routers: dict[str, RedisRouter] = {}
    validate = _validator(checks, codec) if checks and not runtime.validated else None
    routes = list(routes)
    canaries = _canaries([route.config for route in routes])
    for route in routes:
        router = routers.setdefault(route.config.location.source.path, RedisRouter())
        _register(router, route, stream, runtime, validate, canaries)
    return list(routers.values())


def _register(
    router: RedisRouter,
    route: CheckedRoute,
    stream: StreamConfig,
    runtime: RuntimeContext,
    validate: Prepare | None,
    canaries: Canaries | None,
) -> None:
    from streamroute.compiler.runtime.route_handler import route_handler  # imports asyncio; a check need not

    config = route.config
    if route.handler_call is None:
        raise SetupError(f"the handler of the route {config.name!r} was not resolved")
    handler: HandlerFunc = route_handler(
        _with_resource(route.handler_call, runtime.resources, config.handler),
        name=config.name,
        timeout=config.timeout,
        retry=config.policy_for(stream),
        prepare=_prepare(config, route.handler_call.function, validate),
        formerly=config.formerly,
    )
    if config.dedupe is not None:
        from streamroute.compiler.runtime.dedupe import with_dedupe
        from streamroute.expressions.values import compile_value

        shared = () if canaries is None else canaries.dedupe_names(config)
        handler = with_dedupe(handler, compile_value(config.dedupe.key), config.dedupe.ttl, shared)
    if runtime.tracing is not None:
        handler = _traced(handler, runtime.tracing, config.name)
    accepts = _filter(config) if canaries is None else canaries.filter_of(config)
    for message_type in dict.fromkeys(config.types):
        router.message(message_type, accepts)(handler)


def _traced(handler: HandlerFunc, tracing: Tracing, route: str) -> HandlerFunc:
    from streamroute.core.dispatch.routes import wrapped_handler

    return wrapped_handler(handler, lambda run: tracing.trace_handler(run, route))


def _canaries(routes: Sequence[RouteConfig]) -> Canaries | None:
    """Return the canaries of a stream; None if there are none, so that its filters stay as they are."""
    if all(route.canary is None for route in routes):
        return None
    from streamroute.compiler.trials.canaries import Canaries

    return Canaries(routes, _filter)


def _filter(route: RouteConfig) -> FilterFunc | None:
    from streamroute.expressions.filters import compile_route_filter

    if route.filter is None:
        return None
    warn = _warner(route.name)
    return compile_route_filter(route.filter, ignores_errors=route.ignores_filter_errors, warn=warn)


def _warner(route: str) -> Callable[[FilterError], None]:
    import logging  # not needed by a check

    from streamroute.logs.coalescing import NEVER_COALESCED

    log = logging.getLogger(__name__)

    def warn(error: FilterError) -> None:
        message = "the filter of route %s failed, so the route does not match: %s (logged once)"
        log.warning(message, route, error, extra=NEVER_COALESCED)

    return warn


# Payloads are validated and transformed before the handler.


def _prepare(route: RouteConfig, handler: Callable[..., Any], validate: Prepare | None) -> Prepare | None:
    if route.transform is None:
        return validate
    from streamroute.expressions.transforms import compile_transform

    transform: Prepare = compile_transform(route.transform)
    if builtin_attr(handler, CHECK) is not None:
        transform = _keeping_trace(transform)
    if validate is None:
        return transform
    return lambda payload: transform(validate(payload))


def _keeping_trace(transform: Prepare) -> Prepare:
    """Keep the trace context of the entry, whose fields a transform drops: built-in handlers send it on."""
    from streamroute.message_trace import keep_trace

    def prepare(payload: dict[str, Any]) -> dict[str, Any]:
        keep_trace(payload)
        return transform(payload)

    return prepare


def _validator(checks: Mapping[str, Check], codec: Codec | str) -> Prepare:
    """Build a function that returns valid payloads, and raises Reject for others: a retry cannot succeed."""
    from streamroute.compiler.runtime.data_validation import DataValidator

    validator = DataValidator(checks, codec)

    def validate(payload: dict[str, Any]) -> dict[str, Any]:
        reason = validator.reason(payload)
        if reason is not None:
            raise Reject(reason)
        return payload

    return validate


# Resources of built-in handlers.


def builtin_attr(handler: Callable[..., Any], attribute: str) -> Any:
    """Return an attribute of a built-in handler, else None: a user's object may have any attribute."""
    return vars(handler).get(attribute) if type(handler) is FunctionType else None


def _with_resource(call: HandlerCall, resources: Mapping[str, Any], reference: str) -> HandlerCall:
    """Pass a built-in handler its resource instead of the container."""
    need = builtin_attr(call.function, NEEDS)
    if need is None:
        return call
    function = call.function
    if need not in resources:
        return call._replace(function=_without_resource(reference))

    async def with_resource(payload: Any, _container: Any, **arguments: Any) -> None:
        await function(payload, resources[need], **arguments)

    return call._replace(function=with_resource)


def _without_resource(reference: str) -> Callable[..., Any]:
    async def refuse(_payload: Any, _container: Any, **_arguments: Any) -> None:
        raise SetupError(
            f"{reference} needs a connection to Redis: serve gives it one, as does compile_routes(client=...)"
        )

    return refuse
