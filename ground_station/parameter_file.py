"""Parameters as text and as ArduPilot's packed file: no vehicle, no file, only bytes and lines.

The text is Mission Planner's: ``NAME,VALUE`` a line, ``#`` begins a comment; QGroundControl's (tab-separated: vehicle,
component, name, value, type) and MAVProxy's (blanks) are read as well. A line that is none of these stops the reading
with its number: half a parameter file on a vehicle is worse than none.
"""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Mapping

import numpy as np

_NAME = re.compile(r"[A-Z][A-Z0-9_]{0,15}")
_MAGIC, _MAGIC_DEFAULTS = 0x671B, 0x671C
_HEADER = struct.Struct("<HHH")
_FORMS = {1: struct.Struct("<b"), 2: struct.Struct("<h"), 3: struct.Struct("<i"), 4: struct.Struct("<f")}
_HAS_DEFAULT = 1


def read_text(text: str, name: str) -> dict[str, float]:
    """Parameters of a file. Raises ValueError with ``name``, the line and what is allowed."""
    found: dict[str, float] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        line = line.partition("#")[0].strip()
        if not line:
            continue
        key, value = _pair(line, f"{name}: line {number}")
        if key in found and found[key] != value:
            raise ValueError(f"{name}: line {number}: {key} stands there twice, {found[key]:g} and {value:g}")
        found[key] = value
    if not found:
        raise ValueError(f"{name}: no parameter in it; lines NAME,VALUE are needed")
    return found


def _pair(line: str, where: str) -> tuple[str, float]:
    words = [word for word in re.split(r"[,\s]+", line) if word]
    if len(words) == 5 and words[0].isdecimal() and words[1].isdecimal():
        words = words[2:4]
    if len(words) != 2:
        raise ValueError(f"{where}: {line!r} is not NAME,VALUE")
    key, text = words
    if not _NAME.fullmatch(key):
        raise ValueError(f"{where}: {key!r} is no parameter name (1 to 16 of A-Z, 0-9 and _)")
    try:
        value = float(text)
    except ValueError as error:
        raise ValueError(f"{where}: {key} has {text!r}, which is not a number") from error
    if not math.isfinite(value):
        raise ValueError(f"{where}: {key} has {text}, which no vehicle takes")
    return key, value


def write_text(values: Mapping[str, float]) -> str:
    """Mission Planner's form, by name, each value as short as it comes back the same in single precision."""
    return "".join(f"{name},{shortest(values[name])}\n" for name in sorted(values))


def shortest(value: float) -> str:
    """The shortest decimal that is the same single-precision number."""
    return str(int(value)) if value == int(value) and abs(value) < 1e9 else str(np.float32(value))


def same(a: float, b: float) -> bool:
    """Equal as the vehicle stores it: in single precision."""
    return math.isclose(a, b, rel_tol=2e-7, abs_tol=1e-9)


def differences(mine: Mapping[str, float], wanted: Mapping[str, float]) -> dict[str, tuple[float | None, float]]:
    """What is otherwise than ``wanted``: name → (there, wanted); None where it is not there at all."""
    return {
        name: (mine.get(name), value)
        for name, value in wanted.items()
        if name not in mine or not same(mine[name], value)
    }


def read_packed(data: bytes) -> dict[str, float]:
    """``@PARAM/param.pck``. Raises ValueError where it is no such file, or not all of it.

    Each entry: type and flags, shared and further letters of the name, these letters, the value (and its default where
    a flag says so). Zeros between entries keep a value from being torn by two reads.
    """
    if len(data) < _HEADER.size:
        raise ValueError("param.pck: too short")
    magic, count, _total = _HEADER.unpack_from(data)
    if magic not in (_MAGIC, _MAGIC_DEFAULTS):
        raise ValueError(f"param.pck: begins with {magic:#06x}, not {_MAGIC:#06x}")
    found, at, before = dict[str, float](), _HEADER.size, b""
    while at < len(data):
        if data[at] == 0:
            at += 1
            continue
        at, before, value = _entry(data, at, before)
        found[before.decode("ascii")] = value
    if len(found) != count:
        raise ValueError(f"param.pck: announces {count} parameters and holds {len(found)}")
    return found


def _entry(data: bytes, at: int, before: bytes) -> tuple[int, bytes, float]:
    try:
        form, flags = _FORMS[data[at] & 0x0F], data[at] >> 4
        shared, more = data[at + 1] & 0x0F, (data[at + 1] >> 4) + 1
        name = before[:shared] + data[at + 2 : at + 2 + more]
        at += 2 + more
        (value,) = form.unpack_from(data, at)
    except (KeyError, IndexError, struct.error) as error:
        raise ValueError(f"param.pck: torn or not understood at byte {at}") from error
    if not _NAME.fullmatch(name.decode("ascii", "replace")):
        raise ValueError(f"param.pck: {name!r} at byte {at} is no parameter name")
    return at + form.size * (2 if flags & _HAS_DEFAULT else 1), name, float(value)
