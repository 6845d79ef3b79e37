"""The place in the user's code where an exception was raised: the same after a deploy that moves lines."""

from __future__ import annotations

import sysconfig
import traceback
from collections import deque
from collections.abc import Iterable
from functools import lru_cache
from itertools import islice
from types import FrameType, TracebackType
from typing import Final

from streamroute.text.limits import NAME
from streamroute.text.safe_text import one_line
from streamroute.text.truncation import clip

_TRACEBACK: Final = vars(BaseException)["__traceback__"].__get__
_OWN: Final = "streamroute"
_MAX_FRAMES: Final = 100_000  # of a stack, to walk
_KEPT: Final = 1_000  # innermost frames, to look at
_PACKAGES: Final = ("/site-packages/", "/dist-packages/")
_STANDARD: Final = tuple({sysconfig.get_path(name) + "/" for name in ("stdlib", "platstdlib")})


def user_frame(error: BaseException) -> str:
    """Return ``module:function`` of the innermost frame of the user's code, or an empty text.

    It never raises. The user's code is that of the handler's package, and all code that is neither installed
    nor in the standard library: an exception that a library raises is named after the call of the library.
    """
    try:
        return _user_frame(error)
    except BaseException:  # noqa: BLE001 - a failure without a place is better than one without an outcome
        return ""


def _user_frame(error: BaseException) -> str:
    stack: TracebackType | None = _TRACEBACK(error)
    walked = (frame for frame, _ in islice(traceback.walk_tb(stack), _MAX_FRAMES))
    frame = innermost_user_frame(deque(walked, maxlen=_KEPT))
    return "" if frame is None else clip(one_line(f"{_module(frame)}:{frame.f_code.co_qualname}"), NAME)


def innermost_user_frame(stack: Iterable[FrameType]) -> FrameType | None:
    """Return the innermost frame of the user's code in a stack, outermost first; None if there is none."""
    frames = [frame for frame in stack if _is_foreign(frame)]
    if not frames:
        return None
    home = _package(frames[0])
    return [frame for frame in frames if _package(frame) == home or not _is_installed(frame)][-1]


def _is_foreign(frame: FrameType) -> bool:
    """Whether the code is neither streamroute's nor the standard library's."""
    return _package(frame) != _OWN and not _is_standard(frame.f_code.co_filename)


@lru_cache(maxsize=4096)
def _is_standard(file: str) -> bool:
    return file.startswith("<frozen ") or (file.startswith(_STANDARD) and not _is_in_packages(file))


def _is_in_packages(file: str) -> bool:
    return any(part in file for part in _PACKAGES)


def _is_installed(frame: FrameType) -> bool:
    return _is_in_packages(frame.f_code.co_filename)


def _module(frame: FrameType) -> str:
    name = dict.get(frame.f_globals, "__name__")  # user code may have replaced it
    return name if type(name) is str else "?"


def _package(frame: FrameType) -> str:
    return _module(frame).partition(".")[0]
