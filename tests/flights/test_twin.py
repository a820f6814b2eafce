"""Our simulated copter is held to a recording of the real ArduCopter, stimulus by stimulus.

``DIFFERENCES`` is exact both ways: what differs has to stand in it with its reason, what stands in it has to differ.
``python -m tests.flights.recorder ours`` prints what differs; ``… real FILE`` renews the recording.
"""

from __future__ import annotations

import functools
from pathlib import Path

import pytest

from tests.flights.comparing import Line, compare, load, load_variants
from tests.flights.differences import DIFFERENCES, UNSTEADY
from tests.flights.recorder import RECORDING, record_ours, record_real
from tests.flights.recorder_alone import SCRIPTS
from tests.flights.stimuli import SCRIPT

pytestmark = pytest.mark.rehearsal

NAMES = [stimulus.name for chapter in SCRIPT for stimulus in chapter.stimuli]
FEWEST = 150
MOST_LATE = 6
MOST_VARIANTS = 20


@functools.cache
def recorded() -> dict[str, Line]:
    return load(RECORDING)[1]


@functools.cache
def differing() -> dict[str, list[str]]:
    return compare(recorded(), record_ours(), load_variants())


def test_the_recording_is_of_this_script() -> None:
    header, lines = load(RECORDING)
    assert str(header["vehicle"]).startswith("ArduCopter 4.7.0")
    assert list(lines) == NAMES
    assert len(set(NAMES)) == len(NAMES) >= FEWEST
    assert set(DIFFERENCES) | UNSTEADY <= set(NAMES), "a difference of no stimulus"


def test_other_answers_are_few_and_each_of_a_stimulus_that_is_recorded() -> None:
    recordings = [RECORDING, *(recording for _, recording in SCRIPTS.values())]
    every = {name: line for recording in recordings for name, line in load(recording)[1].items()}
    variants = load_variants()
    assert set(variants) <= set(every) and sum(map(len, variants.values())) <= MOST_VARIANTS
    for name, lines in variants.items():
        assert all(line["sent"] == every[name]["sent"] for line in lines)


def test_a_difference_in_words_texts_state_or_time_is_seen() -> None:
    line: Line = {
        "answers": [["COMMAND_ACK 400 FAILED", 0.1]], "texts": ["Arm: no"], "mode": 4, "armed": False, "item": 0,
        "mission_state": 1, "landed": 1, "seconds": 10.0,
    }  # fmt: skip
    changes: list[Line] = [
        {"answers": [["COMMAND_ACK 400 ACCEPTED", 0.1]]}, {"answers": [["COMMAND_ACK 400 FAILED", 3.0]]},
        {"answers": []}, {"texts": []}, {"mode": 3}, {"armed": True}, {"seconds": 20.0}, {"seconds": "never"},
    ]  # fmt: skip
    assert not compare({"one": line}, {"one": line | {"seconds": 11.0}})
    for change in changes:
        assert compare({"one": line}, {"one": line | change}), change
    spilt = compare({"one": line, "two": line}, {"one": line | {"mode": 3}, "two": line | {"mode": 3}})
    assert list(spilt) == ["one"]


@pytest.mark.xdist_group("twin")  # one worker flies the script
@pytest.mark.parametrize("name", NAMES)
def test_our_copter_answers_as_the_real_one_did(name: str) -> None:
    found = differing().get(name, [])
    if name in DIFFERENCES:
        assert found, f"no longer different; take it out of DIFFERENCES ({DIFFERENCES[name]})"
    elif name not in UNSTEADY:
        assert not found, "differs, real | ours; a simulator to mend, or a reason for DIFFERENCES"


@pytest.mark.sitl
@pytest.mark.long
async def test_the_real_one_still_answers_as_it_was_recorded(sitl_binary: Path, tmp_path: Path) -> None:
    again = tmp_path / "again.jsonl"
    await record_real(sitl_binary, again)
    found = compare(recorded(), load(again)[1], load_variants())
    # Not by times: now and then a first request is lost in the vehicle and comes with the repetition, a second later.
    steady = {name: [what for what in told if " after " not in what] for name, told in found.items()}
    differ = {name: told for name, told in steady.items() if told and name not in UNSTEADY}
    # At ten times the pace a text or a heartbeat falls now and then into the next stimulus.
    assert len(differ) <= MOST_LATE, differ
