"""Where our simulated copter answers otherwise than the recording, by reason; each name is a stimulus of the script."""

from __future__ import annotations

_BY_REASON: dict[str, tuple[str, ...]] = {}

DIFFERENCES = {name: reason for reason, names in _BY_REASON.items() for name in names}
"""{stimulus: reason}."""

UNSTEADY = frozenset({
    "arm in GUIDED before there is a position", "ATTITUDE off", "a circle of -5 m", "a rally point too high",
    "AUTO, to a place outside", "list while uploading oneself", "an item of another type meanwhile",
    "a count of another type meanwhile", "begin anew, and silence", "until it has landed and disarmed",
})  # fmt: skip
"""Stimuli that the real one does not answer alike twice: a matter of one loop, or of the second of a repetition."""
