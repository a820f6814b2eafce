"""Two recordings of the script, compared stimulus by stimulus."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

Line = dict[str, Any]
Variants = Mapping[str, Sequence[Line]]
VARIANTS = Path(__file__).with_name("arducopter_4_7_variants.jsonl")
"""What the real one answered otherwise in further runs: a matter of one of its loops, or of the second of a
repetition. Ours has to answer as in one of its runs."""

# Times are coarse: a stimulus begins somewhere in a loop, and no two copters climb alike.
_SLACK_S, _SLACK = 1.0, 0.35
# What a battery has given since its boot differs from one to the next.
_CHARGE = re.compile(r"used \d+ mAh")
_STATE = ("mode", "armed", "item", "mission_state", "landed")


def load(path: Path) -> tuple[Line, dict[str, Line]]:
    """The header, and the lines by the stimulus's name."""
    header, *lines = (json.loads(text) for text in path.read_text(encoding="utf-8").splitlines())
    return header, {line["name"]: line for line in lines}


def load_variants(path: Path = VARIANTS) -> dict[str, list[Line]]:
    """The other answers, by the stimulus's name."""
    found: dict[str, list[Line]] = {}
    for text in path.read_text(encoding="utf-8").splitlines():
        line = json.loads(text)
        found.setdefault(line["name"], []).append(line)
    return found


def compare(
    real: Mapping[str, Line], ours: Mapping[str, Line], variants: Variants | None = None
) -> dict[str, list[str]]:
    """{stimulus: what differs}, in words "what real | ours". A state that differed already before is not told again.

    With ``variants``, equal to one of them is equal.
    """
    found: dict[str, list[str]] = {}
    before: dict[str, tuple[Any, Any]] = {}
    for name, line in real.items():
        told = _told(line, ours[name], before)
        if told and not all(_told(other, ours[name], before) for other in (variants or {}).get(name, ())):
            told = []
        before = {key: (line[key], ours[name][key]) for key in _STATE}
        if told:
            found[name] = told
    return found


def _told(real: Line, ours: Line, before: Mapping[str, tuple[Any, Any]]) -> list[str]:
    state = {key: (real[key], ours[key]) for key in _STATE}
    changed = [f"{key} {a} | {b}" for key, (a, b) in state.items() if a != b and before.get(key) != (a, b)]
    return differences(real, ours) + changed


def new_variants(real: Mapping[str, Line], runs: Sequence[Mapping[str, Line]]) -> list[Line]:
    """Lines of further runs that are equal neither to the recording nor to one another."""
    kept: dict[str, list[Line]] = {}
    for run in runs:
        for name in compare(real, run, kept):
            kept.setdefault(name, []).append(run[name])
    return [line for lines in kept.values() for line in lines]


def differences(real: Line, ours: Line) -> list[str]:
    """What differs in answers, texts and times; a time only when it is off by 1 s and a third."""
    found = []
    theirs, own = _in_order(real["answers"]), _in_order(ours["answers"])
    if [told for told, _ in theirs] != [told for told, _ in own]:
        found.append(f"answers {_row(real)} | {_row(ours)}")
    else:
        pairs = zip(theirs, own, strict=True)
        found += [f"{told} after {a} s | {b} s" for (told, a), (_, b) in pairs if not _close(a, b)]
    if _steady(real["texts"]) != _steady(ours["texts"]):
        found.append(f"texts {' / '.join(real['texts']) or 'none'} | {' / '.join(ours['texts']) or 'none'}")
    if not _close(real["seconds"], ours["seconds"]):
        found.append(f"seconds {real['seconds']} | {ours['seconds']}")
    return found


def _steady(texts: list[str]) -> list[str]:
    return sorted(_CHARGE.sub("used some mAh", text) for text in texts)


def _in_order(answers: list[list[Any]]) -> list[list[Any]]:
    """Answers as they came; then the messages of streams, which come in any order, by name."""
    return [a for a in answers if " " in a[0]] + sorted(a for a in answers if " " not in a[0])


def _row(line: Line) -> str:
    return ", ".join(told for told, _ in line["answers"]) or "none"


def _close(real: float | str | None, ours: float | str | None) -> bool:
    if isinstance(real, float | int) and isinstance(ours, float | int):
        return abs(real - ours) <= max(_SLACK_S, _SLACK * abs(real))
    return real == ours
