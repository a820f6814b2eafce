"""The camera as a MAVLink component (1/100): camera protocol v2, as a machine.

It says what it is, what it does and what it has taken, and refuses as a real camera does: UNSUPPORTED what it cannot
do at all, DENIED what makes no sense, TEMPORARILY_REJECTED what does not fit into this moment, FAILED what did not
work. Three things are its own: a digital zoom that only the picture for people has, a card that fills up, and
CAMERA_THERMAL_RANGE in both readings.

What it writes on its pictures (place, UTC) it hears from the autopilot, whom it asks for it, like any payload that is
wired to one: the truth that it renders from is not in here.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import cv2
from pymavlink.dialects.v20 import ardupilotmega as mavlink

from missions.geometry.camera import CameraProfile
from simulators.camera_options import ORDINARY, PIXELS, CameraOptions
from simulators.captures import ACCEPTED, BUSY, DENIED, Captures, Picture
from simulators.radiance import KELVIN
from simulators.sensor import KELVIN_PER_COUNT, Counts

CAMERA_COMPONENT, AUTOPILOT_COMPONENT, GIMBAL_COMPONENT = 100, 1, 154
UNSUPPORTED = mavlink.MAV_RESULT_UNSUPPORTED
STRONGEST_ZOOM = 4.0
FOCAL_MM, _SENSOR_MM = 13.5, (7.68, 6.144)
_ZOOM_STEP, _ZOOM_PER_S = 1.25, 1.5
_IMAGE, _VIDEO = mavlink.CAMERA_MODE_IMAGE, mavlink.CAMERA_MODE_VIDEO
# CAPTURE_VIDEO, CAPTURE_IMAGE, HAS_MODES, CAN_CAPTURE_IMAGE_IN_VIDEO_MODE, BASIC_ZOOM, VIDEO_STREAM, THERMAL_RANGE
_CAN = 1 | 2 | 4 | 8 | 64 | 256 | 4096
_RUNNING, _THERMAL, _RANGE = 1, 2, 4
_CARD = 1
_READY = mavlink.STORAGE_STATUS_READY
_SHORTEST_US = 100_000
_ASK_AGAIN_S = 5.0
# What it wants from the autopilot, and how often.
_WANTED_US = {mavlink.MAVLINK_MSG_ID_GLOBAL_POSITION_INT: 200_000, mavlink.MAVLINK_MSG_ID_SYSTEM_TIME: 1_000_000}

Answer = tuple[int, tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class Stream:
    """A video stream as it is told to others. ``for_people``: 8-bit H.264 with the zoom in it; else lossless counts."""

    url: str
    for_people: bool


class CameraComponent:
    """``receive`` bytes, ``step`` time, ``see`` pictures, send ``take_outgoing``. Whoever serves sets ``streams``."""

    def __init__(
        self, profile: CameraProfile, frames_per_s: float, *, sysid: int = 1, options: CameraOptions = ORDINARY
    ) -> None:
        self.streams: tuple[Stream, ...] = ()
        self.captures = Captures(options.storage_mib)
        self.mode = _IMAGE
        self.zoom = 1.0
        self._profile, self._frames_per_s, self._options, self._sysid = profile, frames_per_s, options, sysid
        self._stopped: set[int] = set()
        self._zooming = 0.0
        self._boot_s = 0.0
        self._seen: Counts | None = None
        self._place: Any = None
        self._utc_minus_boot_s: float | None = None
        self._intervals: dict[int, tuple[float, float]] = {}
        self._next_beat_s = self._next_ask_s = 0.0
        self._autopilot_heard = False
        self._parser = mavlink.MAVLink(None)
        self._parser.robust_parsing = True
        self._mav = mavlink.MAVLink(None, srcSystem=sysid, srcComponent=CAMERA_COMPONENT)
        self._out: list[bytes] = []

    # --- in and out -------------------------------------------------------------------------------------------------

    def receive(self, data: bytes) -> None:
        """From the autopilot's wire: its own telemetry, and commands of it or of a ground station behind it."""
        for message in self._parser.parse_buffer(data) or ():
            kind = message.get_type()
            if kind in ("COMMAND_LONG", "COMMAND_INT"):
                if message.target_system in (0, self._sysid) and message.target_component in (0, CAMERA_COMPONENT):
                    self._command(message)
            elif message.get_srcSystem() == self._sysid and message.get_srcComponent() == AUTOPILOT_COMPONENT:
                self._hear_autopilot(kind, message)

    def _hear_autopilot(self, kind: str, message: Any) -> None:
        self._autopilot_heard |= kind == "HEARTBEAT"
        if kind == "GLOBAL_POSITION_INT":
            self._place = message
        elif kind == "SYSTEM_TIME":
            utc_s, boot_s = message.time_unix_usec * 1e-6, message.time_boot_ms * 1e-3
            self._utc_minus_boot_s = utc_s - boot_s if utc_s else None

    def step(self, now_s: float, boot_s: float) -> None:
        """A steady clock for the heartbeat, and the camera's own idea of the boot time for everything else."""
        if now_s >= self._next_beat_s:
            self._next_beat_s = now_s + 1.0
            self._send(mavlink.MAVLink_heartbeat_message(mavlink.MAV_TYPE_CAMERA, 8, 0, 0, 4, 3))
        if self._autopilot_heard and now_s >= self._next_ask_s:
            self._next_ask_s = now_s + _ASK_AGAIN_S
            if self._place is None or self._utc_minus_boot_s is None:
                self._ask_autopilot()
        self._zoom_on(boot_s - self._boot_s)
        self._boot_s = boot_s
        for picture in self.captures.step(boot_s):
            self._send(self._captured(picture))
        if self.captures.changed:
            self.captures.changed = False
            self._send(self._capture_status())
        for wanted, (every_s, due_s) in self._intervals.items():
            if boot_s >= due_s or due_s > boot_s + every_s:
                self._intervals[wanted] = (every_s, boot_s + every_s)
                for message in self._asked(wanted, 0.0) or ():
                    self._send(message)

    def see(self, counts: Counts) -> None:
        """The latest frame: what CAMERA_THERMAL_RANGE speaks of."""
        self._seen = counts

    def runs(self, stream: Stream) -> bool:
        """Whether anybody should see it: VIDEO_STOP_STREAMING stops it."""
        return self.streams.index(stream) + 1 not in self._stopped

    def take_outgoing(self) -> tuple[bytes, ...]:
        """Frames for the autopilot, which passes them on."""
        out, self._out = tuple(self._out), []
        return out

    def _send(self, message: Any) -> None:
        self._out.append(bytes(message.pack(self._mav)))
        self._mav.seq = (self._mav.seq + 1) % 256

    def _ask_autopilot(self) -> None:
        for number, every_us in _WANTED_US.items():
            self._send(
                mavlink.MAVLink_command_long_message(
                    self._sysid, AUTOPILOT_COMPONENT, mavlink.MAV_CMD_SET_MESSAGE_INTERVAL, 0,
                    number, every_us, 0, 0, 0, 0, 0,
                )
            )  # fmt: skip

    def _ms(self) -> int:
        return max(0, round(self._boot_s * 1000)) % 2**32

    # --- commands ---------------------------------------------------------------------------------------------------

    def _command(self, m: Any) -> None:
        handler = _COMMANDS.get(m.command)
        result, messages = handler(self, m) if handler else (UNSUPPORTED, ())
        if result != UNSUPPORTED or m.target_component == CAMERA_COMPONENT:  # what is for everybody nobody refuses
            to = (m.get_srcSystem(), m.get_srcComponent())
            self._send(mavlink.MAVLink_command_ack_message(m.command, result, 0, 0, *to))
        for message in messages:
            self._send(message)

    def _request(self, m: Any) -> Answer:
        if not math.isfinite(m.param1):
            return DENIED, ()
        messages = self._asked(int(m.param1), m.param2)
        if messages is None:
            return UNSUPPORTED, ()
        return (ACCEPTED, messages) if messages else (DENIED, ())

    def _asked(self, number: int, index: float) -> tuple[Any, ...] | None:
        """A message by its number, as often as there is something; None: it does not exist here."""
        index = 0 if math.isnan(index) else index
        builder = _MESSAGES.get(number)
        return None if builder is None else builder(self, index)

    def _old_request(self, m: Any) -> Answer:
        """The commands from before REQUEST_MESSAGE, which ground stations still send."""
        number, has_index = _OLD_REQUESTS[m.command]
        if not has_index and m.param1 != 1.0:
            return ACCEPTED, ()  # "no action"
        messages = self._asked(number, m.param1 if has_index else 0.0) or ()
        return (ACCEPTED, messages) if messages else (DENIED, ())

    def _interval(self, m: Any) -> Answer:
        number = int(m.param1) if math.isfinite(m.param1) else -1
        if number not in _MESSAGES or number == mavlink.MAVLINK_MSG_ID_CAMERA_IMAGE_CAPTURED:
            return UNSUPPORTED, ()
        if not math.isfinite(m.param2) or 0 < m.param2 < _SHORTEST_US:
            return DENIED, ()
        self._intervals.pop(number, None)
        if m.param2 > 0:
            self._intervals[number] = (m.param2 * 1e-6, self._boot_s)
        return ACCEPTED, ()

    def _take(self, m: Any) -> Answer:
        sender = (m.get_srcSystem(), m.get_srcComponent())
        return self.captures.start(m.param2, m.param3, m.param4, sender), ()

    def _stop_taking(self, m: Any) -> Answer:
        return self.captures.stop(), ()

    def _film(self, m: Any) -> Answer:
        if self.mode != _VIDEO:
            return DENIED, ()
        return self.captures.start_film(), ()

    def _stop_filming(self, m: Any) -> Answer:
        return self.captures.stop_film(), ()

    def _set_mode(self, m: Any) -> Answer:
        if m.param2 not in (_IMAGE, _VIDEO):  # no survey mode
            return DENIED, ()
        if m.param2 != self.mode and self.captures.filming:
            return BUSY, ()
        self.mode = int(m.param2)
        return ACCEPTED, (self._settings(),)

    def _set_zoom(self, m: Any) -> Answer:
        kind, value = m.param1, m.param2
        if not math.isfinite(value):
            return DENIED, ()
        self._zooming = 0.0
        if kind == mavlink.ZOOM_TYPE_STEP:
            wanted = self.zoom * _ZOOM_STEP ** max(-1.0, min(1.0, value))
        elif kind == mavlink.ZOOM_TYPE_CONTINUOUS and -1.0 <= value <= 1.0:
            self._zooming = value
            return ACCEPTED, ()
        elif kind == mavlink.ZOOM_TYPE_RANGE and 0.0 <= value <= 100.0:
            wanted = 1.0 + (STRONGEST_ZOOM - 1.0) * value / 100.0
        elif kind == mavlink.ZOOM_TYPE_FOCAL_LENGTH and FOCAL_MM <= value <= FOCAL_MM * STRONGEST_ZOOM:
            wanted = value / FOCAL_MM
        else:
            return DENIED, ()
        self.zoom = max(1.0, min(STRONGEST_ZOOM, wanted))
        return ACCEPTED, (self._settings(),)

    def _zoom_on(self, seconds: float) -> None:
        if not self._zooming or seconds <= 0.0:
            return
        before = self.zoom
        self.zoom = max(1.0, min(STRONGEST_ZOOM, self.zoom * _ZOOM_PER_S ** (self._zooming * seconds)))
        if self.zoom in (1.0, STRONGEST_ZOOM) and self.zoom != before:
            self._zooming = 0.0
            self._send(self._settings())

    def _reset(self, m: Any) -> Answer:
        if m.param1 != 1:
            return DENIED, ()
        if self.captures.busy:
            return BUSY, ()
        self.mode, self.zoom, self._zooming = _IMAGE, 1.0, 0.0
        return ACCEPTED, (self._settings(),)

    def _format(self, m: Any) -> Answer:
        if m.param1 not in (0, _CARD) or m.param2 != 1:
            return DENIED, ()
        result = self.captures.format(forget=m.param3 == 1)
        return result, (self._storage(),) if result == ACCEPTED else ()

    def _stream_on(self, m: Any) -> Answer:
        return self._switch(m.param1, on=True)

    def _stream_off(self, m: Any) -> Answer:
        return self._switch(m.param1, on=False)

    def _switch(self, which: float, *, on: bool) -> Answer:
        numbers = self._stream_numbers(0 if math.isnan(which) else which)
        if not numbers:
            return DENIED, ()
        self._stopped = self._stopped - set(numbers) if on else self._stopped | set(numbers)
        return ACCEPTED, tuple(self._stream_status(number) for number in numbers)

    # --- messages ---------------------------------------------------------------------------------------------------

    def _information(self) -> Any:
        profile = self._profile
        return mavlink.MAVLink_camera_information_message(
            self._ms(), b"einsatzdrohne".ljust(32, b"\0"), b"sim-lwir-640".ljust(32, b"\0"), 0x01000000, FOCAL_MM,
            *_SENSOR_MM, profile.width, profile.height, 0, _CAN, 0, b"", GIMBAL_COMPONENT, 0,
        )  # fmt: skip

    def _settings(self) -> Any:
        level = 100.0 * (self.zoom - 1.0) / (STRONGEST_ZOOM - 1.0)
        return mavlink.MAVLink_camera_settings_message(self._ms(), self.mode, level, math.nan)

    def _storage(self) -> Any:
        card = self.captures
        return mavlink.MAVLink_storage_information_message(
            self._ms(), _CARD, 1, _READY, card.capacity_mib, card.used_mib, card.available_mib, math.nan, math.nan,
            mavlink.STORAGE_TYPE_MICROSD, b"card", 1 | 2 | 4,
        )  # fmt: skip

    def _capture_status(self) -> Any:
        taken = self.captures
        return mavlink.MAVLink_camera_capture_status_message(
            self._ms(), taken.image_status, int(taken.filming), taken.interval_s, round(taken.filmed_s * 1000),
            taken.available_mib, len(taken.pictures),
        )  # fmt: skip

    def _captured(self, picture: Picture) -> Any:
        """CAMERA_IMAGE_CAPTURED: place and UTC as the autopilot said, 0 where it did not; attitude unknown."""
        place = self._place
        where = (place.lat, place.lon, place.alt, place.relative_alt) if place is not None else (0, 0, 0, 0)
        utc = 0 if self._utc_minus_boot_s is None else round((picture.boot_s + self._utc_minus_boot_s) * 1e6)
        return mavlink.MAVLink_camera_image_captured_message(
            max(0, round(picture.boot_s * 1000)) % 2**32, utc, 0, *where, [math.nan] * 4, picture.index,
            int(picture.ok), b"",
        )  # fmt: skip

    def _lost_picture(self, index: float) -> tuple[Any, ...]:
        taken = self.captures.pictures
        known = 0 <= index < len(taken) and index == int(index)
        return (self._captured(taken[int(index)]),) if known else ()

    def _stream_numbers(self, which: float) -> tuple[int, ...]:
        return tuple(number for number in range(1, len(self.streams) + 1) if which in (0, number))

    def _stream_figures(self, number: int) -> tuple[int, float, int, int, int, int, int]:
        """Flags, frames per second, width, height, bits per second, rotation, field of view: of both messages."""
        profile, stream = self._profile, self.streams[number - 1]
        half = math.atan(profile.width / 2 / profile.fx)
        if stream.for_people:
            half, bits = math.atan(math.tan(half) / self.zoom), 2_000_000
        else:
            bits = round(profile.width * profile.height * 16 * self._frames_per_s)
        flags = (0 if number in self._stopped else _RUNNING) | _THERMAL
        flags |= _RANGE if mavlink.MAVLINK_MSG_ID_CAMERA_THERMAL_RANGE in self._intervals else 0
        hfov = round(math.degrees(2 * half))
        return flags, self._frames_per_s, profile.width, profile.height, bits, 0, hfov

    def _stream_information(self, number: int) -> Any:
        stream = self.streams[number - 1]
        kind = mavlink.VIDEO_STREAM_TYPE_RTSP if stream.for_people else mavlink.VIDEO_STREAM_TYPE_TCP_MPEG
        encoding = mavlink.VIDEO_STREAM_ENCODING_H264 if stream.for_people else mavlink.VIDEO_STREAM_ENCODING_UNKNOWN
        name = b"white-hot" if stream.for_people else b"counts"
        return mavlink.MAVLink_video_stream_information_message(
            number, len(self.streams), kind, *self._stream_figures(number), name, stream.url.encode(), encoding
        )

    def _stream_status(self, number: int) -> Any:
        return mavlink.MAVLink_video_stream_status_message(number, *self._stream_figures(number))

    def _thermal_range(self, which: float) -> tuple[Any, ...]:
        """Hottest and coldest pixel of the latest frame, °C; none before there is one."""
        numbers = self._stream_numbers(which)[:1]
        if self._seen is None or not numbers:
            return ()
        coldest, hottest, cold_at, hot_at = cv2.minMaxLoc(self._seen)
        width, height = (1, 1) if self._options.thermal_range == PIXELS else (self._profile.width, self._profile.height)
        low_c, high_c = (count * KELVIN_PER_COUNT - KELVIN for count in (coldest, hottest))
        message = mavlink.MAVLink_camera_thermal_range_message(
            self._ms(), numbers[0], 0, high_c, hot_at[0] / width, hot_at[1] / height,
            low_c, cold_at[0] / width, cold_at[1] / height,
        )  # fmt: skip
        return (message,)


_M = mavlink
_MESSAGES: dict[int, Callable[[CameraComponent, float], tuple[Any, ...]]] = {
    _M.MAVLINK_MSG_ID_CAMERA_INFORMATION: lambda c, i: (c._information(),),
    _M.MAVLINK_MSG_ID_CAMERA_SETTINGS: lambda c, i: (c._settings(),),
    _M.MAVLINK_MSG_ID_STORAGE_INFORMATION: lambda c, i: (c._storage(),) if i in (0, _CARD) else (),
    _M.MAVLINK_MSG_ID_CAMERA_CAPTURE_STATUS: lambda c, i: (c._capture_status(),),
    _M.MAVLINK_MSG_ID_CAMERA_IMAGE_CAPTURED: lambda c, i: c._lost_picture(i),
    _M.MAVLINK_MSG_ID_VIDEO_STREAM_INFORMATION: lambda c, i: tuple(map(c._stream_information, c._stream_numbers(i))),
    _M.MAVLINK_MSG_ID_VIDEO_STREAM_STATUS: lambda c, i: tuple(map(c._stream_status, c._stream_numbers(i))),
    _M.MAVLINK_MSG_ID_CAMERA_THERMAL_RANGE: lambda c, i: c._thermal_range(i),
}
# Message, and whether the first parameter is an index; else it says yes or no.
_OLD_REQUESTS: dict[int, tuple[int, bool]] = {
    _M.MAV_CMD_REQUEST_CAMERA_INFORMATION: (_M.MAVLINK_MSG_ID_CAMERA_INFORMATION, False),
    _M.MAV_CMD_REQUEST_CAMERA_SETTINGS: (_M.MAVLINK_MSG_ID_CAMERA_SETTINGS, False),
    _M.MAV_CMD_REQUEST_STORAGE_INFORMATION: (_M.MAVLINK_MSG_ID_STORAGE_INFORMATION, True),
    _M.MAV_CMD_REQUEST_CAMERA_CAPTURE_STATUS: (_M.MAVLINK_MSG_ID_CAMERA_CAPTURE_STATUS, False),
    _M.MAV_CMD_REQUEST_CAMERA_IMAGE_CAPTURE: (_M.MAVLINK_MSG_ID_CAMERA_IMAGE_CAPTURED, True),
    _M.MAV_CMD_REQUEST_VIDEO_STREAM_INFORMATION: (_M.MAVLINK_MSG_ID_VIDEO_STREAM_INFORMATION, True),
    _M.MAV_CMD_REQUEST_VIDEO_STREAM_STATUS: (_M.MAVLINK_MSG_ID_VIDEO_STREAM_STATUS, True),
}
_COMMANDS: dict[int, Callable[[CameraComponent, Any], Answer]] = {
    _M.MAV_CMD_REQUEST_MESSAGE: CameraComponent._request,
    _M.MAV_CMD_SET_MESSAGE_INTERVAL: CameraComponent._interval,
    **dict.fromkeys(_OLD_REQUESTS, CameraComponent._old_request),
    _M.MAV_CMD_IMAGE_START_CAPTURE: CameraComponent._take,
    _M.MAV_CMD_IMAGE_STOP_CAPTURE: CameraComponent._stop_taking,
    _M.MAV_CMD_VIDEO_START_CAPTURE: CameraComponent._film,
    _M.MAV_CMD_VIDEO_STOP_CAPTURE: CameraComponent._stop_filming,
    _M.MAV_CMD_SET_CAMERA_MODE: CameraComponent._set_mode,
    _M.MAV_CMD_SET_CAMERA_ZOOM: CameraComponent._set_zoom,
    _M.MAV_CMD_RESET_CAMERA_SETTINGS: CameraComponent._reset,
    _M.MAV_CMD_STORAGE_FORMAT: CameraComponent._format,
    _M.MAV_CMD_VIDEO_START_STREAMING: CameraComponent._stream_on,
    _M.MAV_CMD_VIDEO_STOP_STREAMING: CameraComponent._stream_off,
}
