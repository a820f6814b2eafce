"""Parameter files: what is read, what is written, and what a typing mistake costs."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ground_station.parameter_file import differences, read_packed, read_text, same, shortest, write_text
from simulators.autopilot.parameters import Parameters


@pytest.mark.parametrize(
    "text",
    [
        "RTL_ALT,1500\nFENCE_ENABLE,1\nWPNAV_SPEED,750.5\n",
        "# saved by somebody\nRTL_ALT 1500\nFENCE_ENABLE\t1 # on\n\nWPNAV_SPEED  750.5\r\n",
        "1\t1\tRTL_ALT\t1500\t6\n1\t1\tFENCE_ENABLE\t1\t2\n1\t1\tWPNAV_SPEED\t750.500000000000000000\t9\n",
    ],
)
def test_three_programs_files_say_the_same(text: str) -> None:
    assert read_text(text, "a.param") == {"RTL_ALT": 1500.0, "FENCE_ENABLE": 1.0, "WPNAV_SPEED": 750.5}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("RTL_ALT,15oo\n", r"a\.param: line 1: RTL_ALT has '15oo'"),
        ("RTL_ALT,1500\nRTL ALT,1500\n", r"line 2: 'RTL ALT,1500' is not NAME,VALUE"),
        ("rtl_alt,1500\n", "'rtl_alt' is no parameter name"),
        ("RTL_ALT,1500\nRTL_ALT,1600\n", "line 2: RTL_ALT stands there twice"),
        ("RTL_ALT,nan\n", "which no vehicle takes"),
        ("RTL_ALT\n", "not NAME,VALUE"),
        ("# nothing\n", "no parameter in it"),
    ],
)
def test_a_typing_mistake_is_named_with_its_line(text: str, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        read_text(text, "a.param")


@given(st.dictionaries(st.from_regex(r"[A-Z][A-Z0-9_]{0,15}", fullmatch=True), st.floats(width=32, allow_nan=False,
       allow_infinity=False), min_size=1, max_size=20))  # fmt: skip
def test_what_is_written_is_read_back_to_the_bit(values: dict[str, float]) -> None:
    back = read_text(write_text(values), "x")
    assert set(back) == set(values)
    for name, value in values.items():
        assert struct.pack("<f", back[name]) == struct.pack("<f", value) or back[name] == value


def test_numbers_are_written_as_people_write_them() -> None:
    assert [shortest(value) for value in (1500.0, 0.1, 0.004999999888241291, -3.0)] == ["1500", "0.1", "0.005", "-3"]
    assert same(0.1, struct.unpack("<f", struct.pack("<f", 0.1))[0]) and not same(0.1, 0.1001)


def test_differences_name_what_is_missing_and_what_is_otherwise() -> None:
    assert differences({"A": 1.0, "B": 2.0}, {"A": 1.0, "B": 3.0, "C": 4.0}) == {"B": (2.0, 3.0), "C": (None, 4.0)}


@pytest.mark.parametrize("defaults", [False, True])
@pytest.mark.parametrize("read_size", [239, 100])
def test_a_packed_file_is_read_with_its_paddings_and_defaults(defaults: bool, read_size: int) -> None:
    parameters = Parameters()
    parameters.values["RTL_ALT"] = 2_345.0
    assert read_packed(parameters.packed(read_size, defaults=defaults)) == pytest.approx(parameters.values, rel=1e-6)


@given(st.binary(max_size=200))
def test_no_bytes_make_the_reader_fail_otherwise_than_by_saying_so(data: bytes) -> None:
    for tried in (data, b"\x1b\x67\x02\x00\x02\x00" + data):
        try:
            read_packed(tried)
        except ValueError as problem:
            assert "param.pck" in str(problem)


def test_a_file_that_ends_in_the_middle_is_no_list() -> None:
    whole = Parameters().packed(239)
    for length in range(0, len(whole) - 1, 37):
        with pytest.raises(ValueError, match=r"param\.pck"):
            read_packed(whole[:length])
