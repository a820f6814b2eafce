"""What age means: live to 3 s, stale to 10 s, then lost; and a young sign of life is not believed against trouble."""

from __future__ import annotations

import pytest

from api.freshness import Source, statement_key


def source(age_s: float | None, **changes: object) -> Source:
    return Source("video:1/100", "video", 1, "1/100", age_s, None, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "age_s, state",
    [
        (None, "never"),
        (0.0, "live"),
        (3.0, "live"),
        (3.01, "stale"),
        (10.0, "stale"),
        (10.01, "lost"),
        (3600.0, "lost"),
    ],
)
def test_states_by_age(age_s: float | None, state: str) -> None:
    assert source(age_s).state == state
    assert source(age_s).ready is (state == "live")


@pytest.mark.parametrize("age_s, state", [(None, "never"), (0.1, "stale"), (5.0, "stale"), (11.0, "lost")])
def test_trouble_is_never_live(age_s: float | None, state: str) -> None:
    assert source(age_s, trouble="frozen").state == state
    assert not source(age_s, trouble="frozen").ready


def test_what_was_not_asked_for_is_off_and_keeps_nobody_waiting() -> None:
    assert source(None, off=True).state == "off" and source(None, off=True).ready


def test_the_reason_is_told_only_while_it_matters() -> None:
    assert source(1.0, reason="refused").to_json()["text"] == ""
    assert source(20.0, reason="refused").to_json()["text"] == "refused"
    assert source(20.0, reason="refused", trouble="frozen").to_json()["text"] == "frozen"


@pytest.mark.parametrize(
    "running, frames, key",
    [
        (False, 0, "coverage.no_statement"),
        (False, 400, "coverage.no_statement"),
        (True, 0, "coverage.nothing_seen_yet"),
        (True, 1, "coverage.looking"),
    ],
)
def test_silence_is_not_all_clear(running: bool, frames: int, key: str) -> None:
    assert statement_key(running=running, frames=frames) == key
