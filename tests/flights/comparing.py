"""Two recordings of the script, compared stimulus by stimulus."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

Line = dict[str, Any]

# Times are coarse: a stimulus begins somewhere in a loop, and no two copters climb alike.
_SLACK_S, _SLACK = 1.0, 0.35
# What a battery has given since its boot differs from one to the next.
_CHARGE = re.compile(r"used \d+ mAh")
_STATE = ("mode", "armed", "item", "mission_state", "landed")


def load(path: Path) -> tuple[Line, dict[str, Line]]:
    """The header, and the lines by the stimulus's name."""
    header, *lines = (json.loads(text) for text in path.read_text(encoding="utf-8").splitlines())
    return header, {line["name"]: line for line in lines}


def compare(real: dict[str, Line], ours: dict[str, Line]) -> dict[str, list[str]]:
    """{stimulus: what differs}, in words "what real | ours". A state that differed already before is not told again."""
    found, before = {}, {}
    for name, line in real.items():
        told = differences(line, ours[name])
        state = {key: (line[key], ours[name][key]) for key in _STATE}
        told += [f"{key} {a} | {b}" for key, (a, b) in state.items() if a != b and before.get(key) != (a, b)]
        before = state
        if told:
            found[name] = told
    return found


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
