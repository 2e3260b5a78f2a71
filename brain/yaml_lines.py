"""The one YAML reader, of persona files and of rules: YAML 1.2's plain scalars (so `off`, `on` and `no` stay words),
every value with its line."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import yaml

from guards.errors import PolicyError, Problem

Place = tuple[str | int, ...]


class _Loader(yaml.CSafeLoader):
    """libyaml with the core schema of YAML 1.2 instead of 1.1's."""


def _scalar(read: Callable[[str], Any]) -> Callable[[_Loader, yaml.Node], Any]:
    """A constructor whose refusal names the line."""

    def construct(loader: _Loader, node: yaml.Node) -> Any:
        try:
            return read(str(node.value))
        except (KeyError, ValueError):
            said = "a value that is not of its kind"
            raise yaml.constructor.ConstructorError(None, None, said, node.start_mark) from None

    return construct


_TRUTH = {"true": True, "false": False}
_CORE: dict[str, tuple[str, list[str], Callable[[str], Any]]] = {
    "null": (r"^(?:~|null|Null|NULL|)$", ["~", "n", "N", ""], lambda text: None),
    "bool": (r"^(?:true|True|TRUE|false|False|FALSE)$", list("tTfF"), lambda text: _TRUTH[text.lower()]),
    "int": (r"^[-+]?[0-9]+$", list("-+0123456789"), int),
    "float": (r"^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$", list("-+.0123456789"), float),
}
_STRUCTURE = [f"tag:yaml.org,2002:{name}" for name in ("str", "seq", "map")]
_Loader.yaml_implicit_resolvers = {}
_Loader.yaml_constructors = {tag: yaml.CSafeLoader.yaml_constructors[tag] for tag in (*_STRUCTURE, None)}
for _name, (_expression, _first, _read) in _CORE.items():
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_name}", re.compile(_expression), _first)
    _Loader.add_constructor(f"tag:yaml.org,2002:{_name}", _scalar(_read))


@dataclass(frozen=True, slots=True)
class Document:
    """One file's value, and the line (from 1) of every place in it."""

    file: str
    value: Any
    lines: dict[Place, int]

    def line(self, place: Place) -> int:
        """The line of `place`, or of the nearest place around it."""
        while place and place not in self.lines:
            place = place[:-1]
        return self.lines.get(place, 1)


def read(text: str, file: str) -> Document:
    """The document in `text`. Raises PolicyError with the line of whatever is not YAML or stands twice."""
    places = _Places(file)
    try:
        loader = _Loader(text)
        try:
            node = loader.get_single_node()
            if node is None:
                return Document(file, None, {})
            places.walk(node, ())
            if places.problems:
                raise PolicyError(places.problems)
            return Document(file, loader.construct_document(node), places.lines)
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise PolicyError([Problem(file, mark.line + 1 if mark else 0, f"not YAML: {error.problem}")]) from None
    except (yaml.YAMLError, ValueError) as error:
        raise PolicyError([Problem(file, 0, f"not YAML: {type(error).__name__}")]) from None
    except RecursionError:
        raise PolicyError([Problem(file, 0, "nested too deep")]) from None


class _Places:
    """The line of every place below a node, and what is wrong with the node itself."""

    def __init__(self, file: str) -> None:
        self.lines: dict[Place, int] = {}
        self.problems: list[Problem] = []
        self._file = file
        self._open: set[int] = set()
        self._walked: set[int] = set()

    def walk(self, node: yaml.Node, place: Place) -> None:
        """Notes `node`, which stands at `place`; what an alias repeats is not walked again."""
        line = node.start_mark.line + 1
        self.lines.setdefault(place, line)
        if id(node) in self._open:
            self.problems.append(Problem(self._file, line, "a value that contains itself"))
        if id(node) in self._walked or isinstance(node, yaml.ScalarNode):
            return
        self._walked.add(id(node))
        self._open.add(id(node))
        if isinstance(node, yaml.MappingNode):
            self._mapping(node, place)
        else:
            for number, value in enumerate(node.value):
                self.walk(value, (*place, number))
        self._open.remove(id(node))

    def _mapping(self, node: yaml.MappingNode, place: Place) -> None:
        seen: set[str] = set()
        for key, value in node.value:
            name = str(getattr(key, "value", "?"))
            line = key.start_mark.line + 1
            if name in seen:
                self.problems.append(Problem(self._file, line, f"the key {name!r} stands twice"))
            seen.add(name)
            self.lines[(*place, name)] = line
            self.walk(value, (*place, name))
