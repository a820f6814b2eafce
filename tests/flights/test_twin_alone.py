"""Our simulated copter is held to the real ArduCopter in what needs a copter of its own: failsafes, files, flights.

As in ``test_twin`` a difference that is not listed fails, and so does a listed one that is gone.
"""

from __future__ import annotations

import functools
from pathlib import Path

import pytest

from tests.flights.comparing import Line, compare, load
from tests.flights.recorder_alone import RECORDING, record_ours, record_real
from tests.flights.stimuli_alone import ALONE

NAMES = [stimulus.name for chapter in ALONE for stimulus in chapter.stimuli]

DIFFERENCES: dict[str, str] = {}
"""{stimulus: reason}."""
UNSTEADY = frozenset({"it lands and disarms", "the receiver falls silent"})
"""States that change in the moment in which the stimulus ends."""


@functools.cache
def recorded() -> dict[str, Line]:
    return load(RECORDING)[1]


@functools.cache
def differing() -> dict[str, list[str]]:
    return compare(recorded(), record_ours())


def test_the_recording_is_of_these_chapters() -> None:
    header, lines = load(RECORDING)
    assert str(header["vehicle"]).startswith("ArduCopter 4.7.0")
    assert list(lines) == NAMES
    assert len(set(NAMES)) == len(NAMES)
    assert set(DIFFERENCES) | UNSTEADY <= set(NAMES), "a difference of no stimulus"


@pytest.mark.flight
@pytest.mark.parametrize("name", NAMES)
def test_our_copter_answers_as_the_real_one_did(name: str) -> None:
    found = differing().get(name, [])
    if name in DIFFERENCES:
        assert found, f"no longer different; take it out of the list ({DIFFERENCES[name]})"
    elif name not in UNSTEADY:
        assert not found, "differs, real | ours; a simulator to mend, or a reason for the list"


@pytest.mark.sitl
@pytest.mark.long
async def test_the_real_one_still_answers_as_it_was_recorded(sitl_binary: Path, tmp_path: Path) -> None:
    again = tmp_path / "again.jsonl"
    await record_real(sitl_binary, again)
    found = compare(recorded(), load(again)[1])
    assert not {name: told for name, told in found.items() if name not in UNSTEADY}
