"""TOML tables into frozen dataclasses, refused with the line, the key and what is allowed.

A field says in its metadata what it takes: ``number(low, high)``, ``pair(low, high)`` (two rising numbers),
``point()`` (two numbers of any order), ``windows(low, high)`` (a list of pairs), ``whole(low, high)``, ``word(...)``,
``sign(longest)`` (letters and digits), ``path()``,
``flag()``. A field without a default must be there.
"""

from __future__ import annotations

import re
from dataclasses import MISSING, dataclass, field, fields
from typing import Any, TypeVar

T = TypeVar("T")


class TableError(ValueError):
    """A table that cannot be used; the words say where, what, and what is allowed."""


@dataclass(frozen=True, slots=True)
class _Rule:
    shape: str
    low: float = 0.0
    high: float = 0.0
    words: tuple[str, ...] = ()

    def take(self, value: Any) -> Any:
        """The value as its field holds it. Raises ValueError with what is allowed."""
        if self.shape == "word":
            if not isinstance(value, str) or value not in self.words:
                raise ValueError(f"must be one of {', '.join(self.words)}, not {value!r}")
            return value
        if self.shape == "sign":
            if not isinstance(value, str) or not re.fullmatch(rf"[A-Z0-9-]{{1,{self.high:g}}}", value):
                raise ValueError(f"must be 1 to {self.high:g} of A-Z, 0-9 and -, not {value!r}")
            return value
        if self.shape == "path":
            if not isinstance(value, str) or not 0 < len(value) <= self.high or "\0" in value:
                raise ValueError(f"must be the path of a file, not {value!r}")
            return value
        if self.shape == "flag":
            if not isinstance(value, bool):
                raise ValueError(f"must be true or false, not {value!r}")
            return value
        if self.shape == "windows":
            if not isinstance(value, list | tuple) or not all(isinstance(entry, list | tuple) for entry in value):
                raise ValueError(f"must be a list of [from, to], not {value!r}")
            one = _Rule("pair", self.low, self.high)
            return tuple(one.take(list(entry)) for entry in value)
        if self.shape in ("pair", "point"):
            if not isinstance(value, list) or len(value) != 2 or not all(self._fits(n) for n in value):
                raise ValueError(f"must be two numbers between {self.low:g} and {self.high:g}, not {value!r}")
            if self.shape == "pair" and value[0] > value[1]:
                raise ValueError(f"must be [low, high], not {value!r}")
            return (float(value[0]), float(value[1]))
        if not self._fits(value) or (self.shape == "whole" and not isinstance(value, int)):
            what = "a whole number" if self.shape == "whole" else "a number"
            raise ValueError(f"must be {what} between {self.low:g} and {self.high:g}, not {value!r}")
        return int(value) if self.shape == "whole" else float(value)

    def _fits(self, value: Any) -> bool:
        return isinstance(value, int | float) and not isinstance(value, bool) and self.low <= value <= self.high


def _field(rule: _Rule, default: Any) -> Any:
    return field(metadata={"rule": rule}) if default is MISSING else field(default=default, metadata={"rule": rule})


def number(low: float, high: float, default: Any = MISSING) -> Any:
    """A field that takes a number in a range."""
    return _field(_Rule("number", low, high), default)


def whole(low: int, high: int, default: Any = MISSING) -> Any:
    """A field that takes a whole number in a range."""
    return _field(_Rule("whole", low, high), default)


def pair(low: float, high: float, default: Any = MISSING) -> Any:
    """A field that takes [low, high], both in a range."""
    return _field(_Rule("pair", low, high), default)


def point(reach: float, default: Any = MISSING) -> Any:
    """A field that takes [east, north], metres from the scenario's origin."""
    return _field(_Rule("point", -reach, reach), default)


def windows(low: float, high: float, default: Any = MISSING) -> Any:
    """A field that takes a list of [from, to], each rising and in a range."""
    return _field(_Rule("windows", low, high), default)


def word(*allowed: str, default: Any = MISSING) -> Any:
    """A field that takes one of some words."""
    return _field(_Rule("word", words=allowed), default)


def sign(longest: int, default: Any = MISSING) -> Any:
    """A field that takes a call sign."""
    return _field(_Rule("sign", high=longest), default)


def path(default: Any = MISSING) -> Any:
    """A field that takes the path of a file."""
    return _field(_Rule("path", high=1000), default)


def flag(default: Any = MISSING) -> Any:
    """A field that takes true or false."""
    return _field(_Rule("flag"), default)


def read_table(kind: type[T], table: Any, header: str, text: str, index: int = 0) -> T:
    """One table. ``header``: as it is written, "[sun]" or "[[burning]]"; ``index``: which of several, from 0.

    Raises TableError naming header, entry, key, line and what is allowed.
    """
    where = f"{header} {index + 1}" if header.startswith("[[") else header
    rules: dict[str, _Rule] = {f.name: f.metadata["rule"] for f in fields(kind)}  # type: ignore[arg-type]
    if not isinstance(table, dict):
        raise TableError(f"{header} must be a table, not {table!r}{_at(text, header, index, None)}")
    for key in table:
        if key not in rules:
            allowed = ", ".join(rules)
            raise TableError(f"{where}: unknown key {key!r}; allowed are {allowed}{_at(text, header, index, key)}")
    values = {}
    for f in fields(kind):  # type: ignore[arg-type]
        if f.name in table:
            try:
                values[f.name] = rules[f.name].take(table[f.name])
            except ValueError as error:
                raise TableError(f"{where}: {f.name} {error}{_at(text, header, index, f.name)}") from error
        elif f.default is MISSING:
            raise TableError(f"{where}: {f.name} is missing{_at(text, header, index, None)}")
    try:
        return kind(**values)
    except ValueError as error:  # what only fits or not as a whole
        raise TableError(f"{where}: {error}{_at(text, header, index, None)}") from error


def read_tables(kind: type[T], tables: Any, header: str, text: str) -> tuple[T, ...]:
    """All entries of an array of tables."""
    if not isinstance(tables, list):
        raise TableError(f"{header} must be written with two brackets{_at(text, header[1:-1], 0, None)}")
    return tuple(read_table(kind, table, header, text, index) for index, table in enumerate(tables))


def from_words(kind: type[T], text: str) -> T:
    """``name=value,name=value`` of fields that are numbers or words. Raises TableError naming what is allowed."""
    rules: dict[str, _Rule] = {f.name: f.metadata["rule"] for f in fields(kind)}  # type: ignore[arg-type]
    values: dict[str, Any] = {}
    for entry in filter(None, (part.strip() for part in text.split(","))):
        name, equals, value = (part.strip() for part in entry.partition("="))
        if name not in rules or not equals:
            raise TableError(f"{entry!r} is unknown; allowed are NAME=VALUE of {', '.join(rules)}")
        rule = rules[name]
        try:
            values[name] = rule.take(value if rule.shape == "word" else _number_of(value, rule.shape))
        except ValueError as error:
            raise TableError(f"{name} {error}") from error
    return kind(**values)


def _number_of(text: str, shape: str) -> float | str:
    """A number, or the text itself, which its rule then refuses."""
    try:
        return int(text) if shape == "whole" else float(text)
    except ValueError:
        return text


def line_of(text: str, header: str, index: int = 0, key: str | None = None) -> int | None:
    """Line (from 1) of a key in a table, or of the table's header; header "" is the top of the file."""
    current, seen, found = "", -1, None
    for number_, line in enumerate(text.splitlines(), 1):
        head = re.match(r"\s*(\[\[?)\s*([\w-]+)\s*(\]\]?)", line) if "=" not in line.partition("#")[0] else None
        if head:
            current = "".join(head.groups())
            seen += current == header
            if current == header and seen == index:
                found = number_
        here = current == header and (header == "" or seen == index)
        if here and key is not None and re.match(rf"\s*[\"']?{re.escape(key)}[\"']?\s*=", line):
            return number_
    return found


def _at(text: str, header: str, index: int, key: str | None) -> str:
    line = line_of(text, header, index, key)
    return "" if line is None else f" (line {line})"
