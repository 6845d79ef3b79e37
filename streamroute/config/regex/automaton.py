"""Match in time linear in the text, by following all paths through a pattern at once.

Source: Ken Thompson, Regular Expression Search Algorithm, 1968; https://swtch.com/~rsc/regexp/regexp1.html.
Lookarounds are evaluated first, for every position of the text; a lookahead runs the mirrored pattern from
the end of the text. Backreferences are not supported.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, MutableSequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Final

from streamroute.config.regex.char_sets import WORD, Ranges, contains
from streamroute.config.regex.syntax import (
    Alternation,
    Assertion,
    CharSet,
    Lookaround,
    Position,
    RegexError,
    RegexNode,
    Repetition,
    parts_of,
)
from streamroute.config.regex.writing import is_anchored

Bits = MutableSequence[int]
"""The conditions that hold at each position of a text, as bits."""

Spend = Callable[[int], None]
"""Takes a number of steps; raises if none are left."""

_MAX_STATES: Final = 30_000  # of a pattern, its repetitions written out
_MAX_REMEMBERED: Final = 20_000  # transitions
_MAX_LOOKS: Final = 60
_IN_A_BYTE: Final = 5  # lookarounds whose bits fit beside the other three
_A_RUN: Final = 8  # steps before the first character
_START, _END, _BOUNDARY, _FIRST_LOOK = 1, 2, 4, 8  # bits of the conditions at a position
_WORD_CHARS: Final = frozenset(chr(code) for low, high in WORD for code in range(low, high + 1))


def size_of(root: RegexNode) -> int:
    """Return the number of states of a pattern. Raises RegexError if it is too large."""
    if _count_looks(root) > _MAX_LOOKS:
        raise RegexError(f"it looks ahead or behind more than {_MAX_LOOKS} times")
    size = _size(root)
    if size > _MAX_STATES:
        raise RegexError("its repetitions, written out, are too many")
    return size


def _size(node: RegexNode) -> int:
    inner = sum(map(_size, parts_of(node)))
    if not isinstance(node, Repetition):
        return 1 + inner
    return max(node.least, 1) * inner + 1 if node.most is None else node.most * (inner + 1)


def _count_looks(node: RegexNode) -> int:
    return isinstance(node, Lookaround) + sum(map(_count_looks, parts_of(node)))


@dataclass(slots=True)
class _Program:
    """Numbered states: those with ``chars`` consume a character, the others only test a condition."""

    chars: list[Ranges | None] = field(default_factory=list)
    following: list[list[int]] = field(default_factory=list)
    wanted: list[tuple[int, int]] = field(default_factory=list)
    """For each state, the mask of bits to test at its position, and their required value."""
    start: int = 0

    def add(
        self, following: Iterable[int], chars: Ranges | None = None, wanted: tuple[int, int] = (0, 0)
    ) -> int:
        self.chars.append(chars)
        self.following.append(list(following))
        self.wanted.append(wanted)
        return len(self.chars) - 1


class _Builder:
    """Builds a program backwards from the match, which is state 0."""

    def __init__(self, *, is_mirrored: bool, look_bits: dict[int, int]) -> None:
        self.program = _Program()
        self.program.add(())
        self._is_mirrored = is_mirrored
        self._look_bits = look_bits

    def build(self, node: RegexNode) -> _Program:
        self.program.start = self.before(node, 0)
        return self.program

    def before(self, node: RegexNode, after: int) -> int:
        """Return the state that matches ``node`` and continues with ``after``."""
        add = self.program.add
        if isinstance(node, CharSet):
            return add([after], node.ranges)
        if isinstance(node, Assertion):
            return add([after], wanted=_PLACES[node.place])
        if isinstance(node, Lookaround):
            bit = self._look_bits[id(node)]
            return add([after], wanted=(bit, 0 if node.is_negative else bit))
        if isinstance(node, Repetition):
            return self._repeat(node, after)
        if isinstance(node, Alternation):
            return add([self.before(option, after) for option in node.options])
        parts = parts_of(node)
        for part in parts if self._is_mirrored else parts[::-1]:
            after = self.before(part, after)
        return after

    def _repeat(self, node: Repetition, after: int) -> int:
        least = node.least
        if node.most is None:
            loop = self.program.add([after])
            body = self.before(node.body, loop)
            self.program.following[loop].append(body)
            after, least = (body, least - 1) if least else (loop, 0)
        else:
            for _ in range(node.most - least):
                after = self.program.add([after, self.before(node.body, after)])
        for _ in range(least):
            after = self.before(node.body, after)
        return after


_PLACES: Final = {
    Position.START: (_START, _START),
    Position.END: (_END, _END),
    Position.BOUNDARY: (_BOUNDARY, _BOUNDARY),
    Position.NO_BOUNDARY: (_BOUNDARY, 0),
}


@dataclass(slots=True)
class _Step:
    """The states at a position that consume a character; ``table`` caches the next kernel by character."""

    is_match: bool
    states: tuple[int, ...]
    table: dict[str, _Kernel] = field(default_factory=dict)


@dataclass(slots=True)
class _Kernel:
    """States before the conditions at their position are applied; ``steps`` caches the step by conditions."""

    states: frozenset[int]
    steps: dict[int, _Step] = field(default_factory=dict)


class _Machine:
    """Runs a program over texts, and caches its steps up to a limit."""

    def __init__(self, program: _Program, *, is_anchored: bool, used: int) -> None:
        self._program = program
        self._is_anchored = is_anchored
        self.used = used
        self._forget()

    def _forget(self) -> None:
        self._remembered = 0
        self._kernels: dict[frozenset[int], _Kernel] = {}
        self._first = self._kernel(frozenset([self._program.start]))

    def _kernel(self, states: frozenset[int]) -> _Kernel:
        return self._kernels.setdefault(states, _Kernel(states))

    def matches(self, text: str, holds: Bits, spend: Spend, *, mark: bytearray | None = None) -> bool:
        """Whether a match ends anywhere in ``text``; sets each end in ``mark``, or stops at the first.

        ``holds`` are the conditions at each position: one item more than there are characters.
        """
        spend(_A_RUN + len(text))
        kernel, used = self._first, self.used
        for at, (char, bits) in enumerate(zip(chain(text, ("",)), holds, strict=True)):
            active = bits & used
            step = kernel.steps.get(active) or self._step(kernel, active, spend)
            if step.is_match:
                if mark is None:
                    return True
                mark[at] = 1
            if char:
                following = step.table.get(char)
                if following is None:
                    following = self._follow(step, char, spend)
                kernel = following
        return False

    def _step(self, kernel: _Kernel, active: int, spend: Spend) -> _Step:
        program, waiting, seen = self._program, list(kernel.states), set(kernel.states)
        while waiting:
            state = waiting.pop()
            bits, wanted = program.wanted[state]
            if program.chars[state] is None and active & bits == wanted:
                fresh = [each for each in program.following[state] if each not in seen]
                seen.update(fresh)
                waiting += fresh
        spend(1 + len(seen))
        step = _Step(0 in seen, tuple(state for state in seen if program.chars[state] is not None))
        kernel.steps[active] = step
        self._remembered += len(step.states)
        return step

    def _follow(self, step: _Step, char: str, spend: Spend) -> _Kernel:
        program, code = self._program, ord(char)
        spend(1 + len(step.states))
        states = {
            program.following[state][0] for state in step.states if contains(program.chars[state] or (), code)
        }
        if not self._is_anchored:
            states.add(program.start)
        self._remembered += 1 + len(states)
        if self._remembered > _MAX_REMEMBERED:
            self._forget()
        step.table[char] = following = self._kernel(frozenset(states))
        return following


class Automaton:
    """Searches for a pattern without backreferences that ``size_of`` accepts."""

    def __init__(self, root: RegexNode) -> None:
        self._looks: list[tuple[Lookaround, _Machine]] = []
        self._bits: dict[int, int] = {}
        self._find_looks(root)
        self._machine = self._machine_for(root, is_mirrored=False, is_anchored=is_anchored(root))

    def _find_looks(self, node: RegexNode) -> None:
        """Collect the lookarounds, inner ones first: outer ones use their results."""
        for part in parts_of(node):
            self._find_looks(part)
        if isinstance(node, Lookaround):
            # Not anchored: the run marks every position where a match of the lookaround begins or ends.
            machine = self._machine_for(node.body, is_mirrored=node.is_ahead, is_anchored=False)
            self._bits[id(node)] = _FIRST_LOOK << len(self._looks)
            self._looks.append((node, machine))

    def _machine_for(self, node: RegexNode, *, is_mirrored: bool, is_anchored: bool) -> _Machine:
        program = _Builder(is_mirrored=is_mirrored, look_bits=self._bits).build(node)
        used = 0
        for bits, _ in program.wanted:
            used |= bits
        return _Machine(program, is_anchored=is_anchored, used=used)

    def search(self, text: str, spend: Spend) -> bool:
        """Whether the pattern matches anywhere in ``text``."""
        # Use one byte per position if that is enough: texts may be long.
        empty = bytes(len(text) + 1)
        holds: Bits = bytearray(empty) if len(self._looks) <= _IN_A_BYTE else array("Q", [0]) * len(empty)
        holds[0] |= _START
        holds[-1] |= _END
        used = self._machine.used
        for _, machine in self._looks:
            used |= machine.used
        if used & _BOUNDARY:
            _mark_boundaries(text, holds)
        for look, machine in self._looks:
            mark = bytearray(len(holds))
            if look.is_ahead:
                machine.matches(text[::-1], holds[::-1], spend, mark=mark)
                mark.reverse()
            else:
                machine.matches(text, holds, spend, mark=mark)
            bit = self._bits[id(look)]
            at = mark.find(1)
            while at >= 0:
                holds[at] |= bit
                at = mark.find(1, at + 1)
        return self._machine.matches(text, holds, spend)


def _mark_boundaries(text: str, holds: Bits) -> None:
    was_word = False
    for at, char in enumerate(text):
        is_word = char in _WORD_CHARS
        if is_word != was_word:
            holds[at] |= _BOUNDARY
        was_word = is_word
    if was_word:
        holds[-1] |= _BOUNDARY
