"""DJI's subtitles beside a video (``.SRT``): where the camera was and looked, cue by cue.

Two forms are known. Brackets, with "[latitude: 51.45] [longitude: 6.75] [rel_alt: 80.1 abs_alt: 131.0]" and, where the
gimbal is told, "[gb_yaw: 12.0 gb_pitch: -90.0 gb_roll: 0.0]"; and the older "GPS (6.75, 51.45, 19) BAROMETER: 80.1",
longitude first. The clock in a cue is a local one without its zone: it is not read, a cue's time is the video's own.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import zip_longest

from imagery.readers.errors import ReadError
from imagery.readers.exif import Angles, PictureFacts

MOST_BYTES, _MOST_CUES, _MOST_TEXT = 100_000_000, 1_000_000, 4_000
_SPAN = re.compile(r"(\d{1,3}):(\d\d):(\d\d)[,.](\d{1,3})\s{0,4}-->")
_PAIR = re.compile(r"([A-Za-z_]{2,20})\s{0,3}:\s{0,3}(-?\d{1,9}(?:\.\d{1,12})?)")
_OLD = re.compile(r"GPS\s{0,3}\(\s{0,3}(-?\d{1,3}\.\d{1,12}),\s{0,3}(-?\d{1,3}\.\d{1,12})")


@dataclass(frozen=True, slots=True)
class Cue:
    """``at_s``: seconds on the clock of its video (from its begin, or UTC where the stream has it)."""

    at_s: float
    facts: PictureFacts
    ground_m: float | None = None
    """Height above sea level of the ground in the middle of the picture, where it is told."""


def parse(text: str, name: str) -> tuple[Cue, ...]:
    """The cues in their order. Raises ReadError for a text without one, or one whose times go back."""
    if len(text) > MOST_BYTES:
        raise ReadError(f"{name}: {len(text)} letters; allowed are {MOST_BYTES}")
    spans: list[re.Match[str]] = []
    for found in _SPAN.finditer(text):
        if len(spans) >= _MOST_CUES:
            raise ReadError(f"{name}: more than {_MOST_CUES} cues")
        spans.append(found)
    cues = []
    last_s = -1.0
    for found, after in zip_longest(spans, spans[1:]):
        hours, minutes, seconds, parts = found.groups()
        at_s = 3600.0 * int(hours) + 60.0 * int(minutes) + int(seconds) + float(f"0.{parts}")
        if at_s < last_s:
            raise ReadError(f"{name}: the cue at {at_s:.3f} s comes after one at {last_s:.3f} s")
        last_s = at_s
        end = min(found.end() + _MOST_TEXT, len(text) if after is None else after.start())
        cues.append(Cue(at_s, _facts(text[found.end() : end])))
    if not cues:
        raise ReadError(f"{name}: no subtitle of a video: no line with a time and -->")
    return tuple(cues)


def _facts(text: str) -> PictureFacts:
    told = {key.lower(): float(value) for key, value in _PAIR.findall(text)}
    lat, lon = told.get("latitude"), told.get("longitude", told.get("longtitude"))
    above, old = told.get("rel_alt", told.get("barometer")), _OLD.search(text)
    if old is not None and lat is None:
        lon, lat = float(old[1]), float(old[2])
    return PictureFacts(
        lat_deg=_within(lat, 90.0), lon_deg=_within(lon, 180.0), alt_m=told.get("abs_alt"), above_home_m=above,
        gimbal_deg=_gimbal(told),
    )  # fmt: skip


def _within(value: float | None, most: float) -> float | None:
    # 0, 0 is what a receiver without a fix writes.
    return value if value is not None and 0.0 < abs(value) <= most else None


def _gimbal(told: dict[str, float]) -> Angles | None:
    angles = [told.get(f"gb_{axis}") for axis in ("roll", "pitch", "yaw")]
    roll, pitch, yaw = angles
    if roll is None or pitch is None or yaw is None or max(abs(roll), abs(pitch), abs(yaw)) > 360.0:
        return None
    return roll, pitch, yaw
