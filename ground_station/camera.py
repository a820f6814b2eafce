"""What one camera says of itself: a fold of camera protocol v2 (mavlink.io/en/services/camera.html) → ``CameraState``.

A camera is a component of the vehicle (100 to 105), or something behind the autopilot that only speaks through it
(component 1). What it does not know it gives as NaN, 0 or −1 by the field's own rule: here that is None, never a
number. ArduPilot tells NaN for the lens of nearly every camera, so the lens is never taken from here for a place on
the ground: that is the work of a calibrated profile (``missions.geometry.camera_library`` has those of the makers).

CAMERA_THERMAL_RANGE gives the hottest and the coldest pixel. MAVLink says that their places are shares of the picture,
0 to 1; one maker sends pixels. A coordinate above 1 can only be pixels, and a camera does not change its mind.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from ipaddress import ip_address
from typing import Any

from ground_station.wire import Message, mavlink, text_of

FIRST_COMPONENT, LAST_COMPONENT = 100, 105
_MODES = {0: "image", 1: "video", 2: "survey"}
_TAKING = {0: "idle", 1: "taking", 2: "waiting", 3: "taking a series"}
_CARDS = {0: "empty", 1: "unformatted", 2: "ready", 3: "not supported"}
_STREAMS = {0: "rtsp", 1: "udp", 2: "tcp", 3: "udp"}
_RUNNING, _THERMAL = 1, 2
_CAN_DO = {
    1: "video", 2: "image", 4: "modes", 8: "image_in_video_mode", 16: "video_in_image_mode", 64: "zoom", 128: "focus",
    256: "stream", 512: "tracking", 4096: "thermal_range",
}  # fmt: skip
_NEAR = re.compile(r"(rtsp|tcp)://(\[(?P<six>[0-9a-fA-F:.]+)\]|(?P<four>[0-9.]+))(:(?P<port>\d{1,5}))?(/\S*)?")
_KEPT_STREAMS, _KEPT_CARDS = 16, 8


@dataclass(frozen=True, slots=True)
class Information:
    """CAMERA_INFORMATION. ``can``: its abilities by name; ``None``: the camera does not know."""

    vendor: str
    model: str
    firmware: str
    focal_mm: float | None
    sensor_mm: tuple[float, float] | None
    width: int | None
    height: int | None
    can: frozenset[str]


@dataclass(frozen=True, slots=True)
class CardState:
    """STORAGE_INFORMATION, MiB."""

    status: str
    total_mib: float | None
    available_mib: float | None


@dataclass(frozen=True, slots=True)
class CaptureStatus:
    """CAMERA_CAPTURE_STATUS. ``pictures``: how many it has taken, None where it does not count."""

    at_s: float
    taking: str
    filming: bool
    interval_s: float | None
    film_s: float
    available_mib: float | None
    pictures: int | None


@dataclass(frozen=True, slots=True)
class Stream:
    """VIDEO_STREAM_INFORMATION; ``at_s`` of the last word on whether it runs."""

    at_s: float
    number: int
    name: str
    url: str
    transport: str
    running: bool
    thermal: bool
    width: int
    height: int
    frames_per_s: float
    hfov_deg: float | None


@dataclass(frozen=True, slots=True)
class Picture:
    """CAMERA_IMAGE_CAPTURED. ``utc_s`` and the place are None where the camera did not know them."""

    index: int
    at_s: float
    ok: bool
    utc_s: float | None
    place: tuple[float, float, float] | None
    """Degrees, degrees, metres above sea level."""
    file: str


@dataclass(frozen=True, slots=True)
class ThermalRange:
    """CAMERA_THERMAL_RANGE: °C and where, as shares of the picture, or in pixels if ``in_pixels``."""

    at_s: float
    boot_s: float
    stream: int
    hottest_c: float
    hottest_at: tuple[float, float]
    coldest_c: float
    coldest_at: tuple[float, float]
    in_pixels: bool

    def hottest_pixel(self, width: int, height: int) -> tuple[float, float]:
        """(u, v) of the hottest pixel in a picture of this size, from the centre of its top-left pixel."""
        u, v = self.hottest_at
        if self.in_pixels:
            return u, v
        return min(u * width, width - 1.0), min(v * height, height - 1.0)


@dataclass(frozen=True, slots=True)
class CameraState:
    """What is known of one camera; None was never heard. ``*_at_s``: the host's monotonic clock at arrival."""

    component: int
    heard_at_s: float | None = None
    information: Information | None = None
    mode: str | None = None
    zoom_pct: float | None = None
    focus_pct: float | None = None
    settings_at_s: float | None = None
    cards: Mapping[int, CardState] = field(default_factory=dict)
    capture: CaptureStatus | None = None
    streams: Mapping[int, Stream] = field(default_factory=dict)
    streams_told: int | None = None
    """How many streams it says that it has."""
    last_picture: Picture | None = None
    thermal_range: ThermalRange | None = None

    def can(self, ability: str) -> bool | None:
        """Whether it says that it can; None before it has said anything."""
        return None if self.information is None else ability in self.information.can


def stream_url(camera: CameraState, width: int, height: int) -> str | None:
    """The stream to look at with a profile of this size: thermal before any other, fitting before scaled, raw numbers
    (TCP) before compressed pictures; None where the camera names none that can be opened.
    """
    found = [(each, url) for each in camera.streams.values() if (url := _address(each)) is not None]
    rank = lambda pair: (  # noqa: E731
        not pair[0].thermal, (pair[0].width, pair[0].height) != (width, height), not pair[1].startswith("tcp:"),
        pair[0].number,
    )  # fmt: skip
    return min(found, key=rank)[1] if found else None


def _address(stream: Stream) -> str | None:
    """The address of a stream if it may be followed. What is announced over the radio may be anybody's word: only a
    number of this computer's own or a private network, never a name; and no port of ours is opened on such a word (an
    announced UDP port needs ``--camera udp://…`` of the user's own).
    """
    found = _NEAR.fullmatch(stream.url)
    try:
        host = ip_address((found["six"] or found["four"]) if found else "")
    except ValueError:
        return None
    near = (host.is_private or host.is_loopback or host.is_link_local) and not host.is_unspecified
    return stream.url if near and found and 1 <= int(found["port"] or 554) <= 65_535 else None


def fold(state: CameraState, message: Message, *, now_s: float) -> CameraState:
    """The next state. A message that says nothing of a camera only renews ``heard_at_s``."""
    handler = _HANDLERS.get(message.get_type())
    return replace(state, heard_at_s=now_s, **({} if handler is None else handler(state, message, now_s)))


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _positive(value: float) -> float | None:
    return value if math.isfinite(value) and value > 0.0 else None


def _information(state: CameraState, m: Message, now_s: float) -> dict[str, Any]:
    sensor = (_positive(m.sensor_size_h), _positive(m.sensor_size_v))
    number = m.firmware_version
    firmware = ".".join(str(number >> shift & 0xFF) for shift in (0, 8, 16)) if number else ""
    return {
        "information": Information(
            _bytes_text(m.vendor_name), _bytes_text(m.model_name), firmware, _positive(m.focal_length),
            None if None in sensor else sensor,  # type: ignore[arg-type]
            m.resolution_h or None, m.resolution_v or None,
            frozenset(name for bit, name in _CAN_DO.items() if m.flags & bit),
        )
    }  # fmt: skip


def _bytes_text(values: Any) -> str:
    return text_of(bytes(values) if isinstance(values, list) else values).strip()


def _settings(state: CameraState, m: Message, now_s: float) -> dict[str, Any]:
    return {
        "mode": _MODES.get(m.mode_id, f"mode {m.mode_id}"),
        "zoom_pct": _known(getattr(m, "zoomLevel", math.nan)),
        "focus_pct": _known(getattr(m, "focusLevel", math.nan)),
        "settings_at_s": now_s,
    }


def _storage(state: CameraState, m: Message, now_s: float) -> dict[str, Any]:
    ready = m.status == mavlink.STORAGE_STATUS_READY
    card = CardState(
        _CARDS.get(m.status, f"status {m.status}"),
        _known(m.total_capacity) if ready else None,
        _known(m.available_capacity) if ready else None,
    )
    if m.storage_id not in state.cards and len(state.cards) >= _KEPT_CARDS:
        return {}
    return {"cards": {**state.cards, m.storage_id: card}}


def _capture(state: CameraState, m: Message, now_s: float) -> dict[str, Any]:
    count = getattr(m, "image_count", -1)
    return {
        "capture": CaptureStatus(
            now_s,
            _TAKING.get(m.image_status, f"status {m.image_status}"),
            bool(m.video_status),
            _positive(m.image_interval),
            m.recording_time_ms * 1e-3,
            _known(m.available_capacity),
            count if count >= 0 else None,
        )
    }


def _stream(state: CameraState, m: Message, now_s: float) -> dict[str, Any]:
    if m.stream_id not in state.streams and len(state.streams) >= _KEPT_STREAMS:
        return {}
    stream = Stream(
        now_s, m.stream_id, text_of(m.name), text_of(m.uri), _STREAMS.get(m.type, f"type {m.type}"),
        bool(m.flags & _RUNNING), bool(m.flags & _THERMAL), m.resolution_h, m.resolution_v, m.framerate,
        float(m.hfov) if m.hfov else None,
    )  # fmt: skip
    return {"streams": {**state.streams, m.stream_id: stream}, "streams_told": m.count}


def _stream_status(state: CameraState, m: Message, now_s: float) -> dict[str, Any]:
    known = state.streams.get(m.stream_id)
    if known is None:
        return {}
    now = replace(known, at_s=now_s, running=bool(m.flags & _RUNNING), width=m.resolution_h, height=m.resolution_v,
                  frames_per_s=m.framerate, hfov_deg=float(m.hfov) if m.hfov else None)  # fmt: skip
    return {"streams": {**state.streams, m.stream_id: now}}


def picture_of(m: Message, now_s: float) -> Picture:
    """One CAMERA_IMAGE_CAPTURED."""
    placed = bool(m.lat or m.lon)
    return Picture(
        m.image_index, now_s, m.capture_result == 1, m.time_utc * 1e-6 if m.time_utc else None,
        (m.lat * 1e-7, m.lon * 1e-7, m.alt * 1e-3) if placed else None, text_of(m.file_url),
    )  # fmt: skip


def _captured(state: CameraState, m: Message, now_s: float) -> dict[str, Any]:
    picture, last = picture_of(m, now_s), state.last_picture
    older = last is not None and picture.ok and last.ok and picture.index < last.index
    return {} if older else {"last_picture": picture}  # one that was asked for again


def _thermal_range(state: CameraState, m: Message, now_s: float) -> dict[str, Any]:
    hot, cold = (m.max_point_x, m.max_point_y), (m.min_point_x, m.min_point_y)
    if not all(map(math.isfinite, (m.max, m.min, *hot, *cold))):
        return {}
    before = state.thermal_range is not None and state.thermal_range.in_pixels
    pixels = before or max(*hot, *cold) > 1.0
    found = ThermalRange(now_s, m.time_boot_ms * 1e-3, m.stream_id, m.max, hot, m.min, cold, pixels)
    return {"thermal_range": found}


_HANDLERS: dict[str, Callable[[CameraState, Message, float], dict[str, Any]]] = {
    "CAMERA_INFORMATION": _information,
    "CAMERA_SETTINGS": _settings,
    "STORAGE_INFORMATION": _storage,
    "CAMERA_CAPTURE_STATUS": _capture,
    "VIDEO_STREAM_INFORMATION": _stream,
    "VIDEO_STREAM_STATUS": _stream_status,
    "CAMERA_IMAGE_CAPTURED": _captured,
    "CAMERA_THERMAL_RANGE": _thermal_range,
}
TOLD_BY_CAMERAS = frozenset(_HANDLERS)
