"""Templates for function calls."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from streamroute.expressions.evaluate.tree_writer import TreeWriter
from streamroute.expressions.syntax.parser import Node

_MIN_SET_SIZE: Final = 8  # from this many strings on, a set is faster to search than a list


class CodeWriter(TreeWriter):
    """Writes every node type that generated code covers."""

    def _function_expression(self, node: Node, current: str) -> str:
        name, arguments = node["value"], node["children"]
        write: Callable[[list[Node], str], str | None] | None = getattr(self, f"_call_{name}", None)
        code = write(arguments, current) if write is not None else None
        if code is not None:
            return code
        values = ", ".join(self.value(argument, current) for argument in arguments)
        return f"call({self.constant(name)}, [{values}])"

    def _expref(self, node: Node, _current: str) -> str:
        element = self._name("e")
        return f"expref(lambda {element}: {self.value(node['children'][0], element)})"

    def _call_length(self, arguments: list[Node], current: str) -> str | None:
        return f"length({self.value(arguments[0], current)})" if len(arguments) == 1 else None

    def _call_not_null(self, arguments: list[Node], current: str) -> str | None:
        values = ", ".join(self.value(argument, current) for argument in arguments)
        return f"not_null({values})" if arguments else None

    def _call_contains(self, arguments: list[Node], current: str) -> str | None:
        if len(arguments) != 2:
            return None
        subject, search = arguments
        values = _constant_list(subject)
        if values is not None:
            searched = self.value(search, current)
            membership = f"{searched} in {self.constant(_search_constant(values))}"
            if subject["type"] == "literal":
                return f"({membership})"
            slow = f"call({self.constant('contains')}, [None, {searched}])"  # [...] of null is null
            return f"({membership} if {current} is not None else {slow})"
        if search["type"] != "literal":
            return None
        name, bound = self._bind(self.value(subject, current))
        constant = self.constant(search["value"])
        is_str = f" or {name}.__class__ is str" if isinstance(search["value"], str) else ""
        slow = f"call({self.constant('contains')}, [{name}, {constant}])"
        return f"({constant} in {name} if {bound}.__class__ is list{is_str} else {slow})"

    def _call_starts_with(self, arguments: list[Node], current: str) -> str | None:
        return self._affix("starts_with", "startswith", arguments, current)

    def _call_ends_with(self, arguments: list[Node], current: str) -> str | None:
        return self._affix("ends_with", "endswith", arguments, current)

    def _affix(self, name: str, method: str, arguments: list[Node], current: str) -> str | None:
        if len(arguments) != 2 or not isinstance(arguments[1].get("value"), str):
            return None
        if arguments[1]["type"] != "literal":
            return None
        held, bound = self._bind(self.value(arguments[0], current))
        affix = self.constant(arguments[1]["value"])
        slow = f"call({self.constant(name)}, [{held}, {affix}])"
        return f"({held}.{method}({affix}) if {bound}.__class__ is str else {slow})"


def _constant_list(node: Node) -> list[Any] | None:
    """The values of a list that is the same for every payload: a literal, or ``['web', 'app']``."""
    if node["type"] == "literal" and isinstance(node["value"], list):
        return node["value"]
    if node["type"] == "multi_select_list" and all(each["type"] == "literal" for each in node["children"]):
        return [each["value"] for each in node["children"]]
    return None


def _search_constant(values: list[Any]) -> Any:
    """The container to search: a set for many strings, else the list, which may hold unhashable values."""
    if len(values) >= _MIN_SET_SIZE and all(isinstance(value, str) for value in values):
        return frozenset(values)
    return values
