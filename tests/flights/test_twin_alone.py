"""Our simulated copter is held to the real ArduCopter in what needs a copter of its own, and in what is rarely said.

As in ``test_twin`` a difference that is not listed fails, and so does a listed one that is gone. Three scripts, each
with its recording: "alone" (failsafes, files, flights to the landing), "more" (streams, intervals, items, targets,
arming checks, jumps, the ways home) and "rude" (from the start on, wrong addresses, signatures, files and numbers).
"""

from __future__ import annotations

import functools
from pathlib import Path

import pytest

from tests.flights.comparing import Line, compare, load, load_variants
from tests.flights.recorder_alone import SCRIPTS, record_ours, record_real

NAMES = [
    (script, stimulus.name)
    for script, (chapters, _) in SCRIPTS.items()
    for chapter in chapters
    for stimulus in chapter.stimuli
]
MOST_LATE = 4
DIFFERENCES: dict[str, str] = {}
"""{stimulus: reason}."""


@functools.cache
def recorded(script: str) -> dict[str, Line]:
    return load(SCRIPTS[script][1])[1]


@functools.cache
def differing(script: str) -> dict[str, list[str]]:
    return compare(recorded(script), record_ours(SCRIPTS[script][0]), load_variants())


@pytest.mark.parametrize("script", SCRIPTS)
def test_the_recording_is_of_these_chapters(script: str) -> None:
    header, lines = load(SCRIPTS[script][1])
    assert str(header["vehicle"]).startswith("ArduCopter 4.7.0")
    names = [name for of, name in NAMES if of == script]
    assert list(lines) == names and len(set(names)) == len(names)


def test_every_difference_is_of_a_stimulus() -> None:
    assert set(DIFFERENCES) <= {name for _, name in NAMES}


@pytest.mark.rehearsal
@pytest.mark.parametrize(
    ("script", "name"),
    # One worker flies a script.
    [pytest.param(*each, marks=pytest.mark.xdist_group(f"twin {each[0]}")) for each in NAMES],
)
def test_our_copter_answers_as_the_real_one_did(script: str, name: str) -> None:
    found = differing(script).get(name, [])
    if name in DIFFERENCES:
        assert found, f"no longer different; take it out of the list ({DIFFERENCES[name]})"
    else:
        assert not found, "differs, real | ours; a simulator to mend, or a reason for the list"


@pytest.mark.sitl
@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.parametrize("script", SCRIPTS)
async def test_the_real_one_still_answers_as_it_was_recorded(script: str, sitl_binary: Path, tmp_path: Path) -> None:
    again = tmp_path / "again.jsonl"
    chapters, _ = SCRIPTS[script]
    await record_real(sitl_binary, again, chapters)
    found = compare(recorded(script), load(again)[1], load_variants())
    # Not by times: now and then a first request is lost in the vehicle and comes with the repetition, a second later.
    steady = {name: [what for what in told if " after " not in what] for name, told in found.items()}
    differ = {name: told for name, told in steady.items() if told}
    # At ten times the pace a text or a message of a stream falls now and then into the next stimulus.
    assert len(differ) <= MOST_LATE, differ
