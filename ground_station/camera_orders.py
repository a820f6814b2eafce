"""What can be asked of a camera, each judged by what the camera says afterwards (mavlink.io/en/services/camera.html).

An ACK tells that an order was understood. That a picture was taken tells CAMERA_IMAGE_CAPTURED, or its count in
CAMERA_CAPTURE_STATUS; that a stream runs, its flag; the zoom, CAMERA_SETTINGS. A camera need not tell by itself, so an
order asks for the message that shows its effect until that has come. Where the camera cannot show it (a zoom that it
gives as NaN) only the answer counts, and the outcome says so.

A single picture carries a number, by which a camera knows an order that is repeated because its answer got lost. It
must differ from that of the last order, also over two runs of this program: it is made of the clock.
"""

from __future__ import annotations

from collections.abc import Callable

from ground_station.camera import CameraState, Picture
from ground_station.cameras import AUTOPILOT
from ground_station.command import Command, Judge, command_long
from ground_station.operation import REFUSED
from ground_station.telemetry import VehicleState
from ground_station.wire import Message, mavlink

_M = mavlink
_ASK_AGAIN_S, _PATIENCE_S = 0.5, 6.0
_ZOOM_NEAR_PCT = 1.5
MODES = {"image": 0, "video": 1, "survey": 2}
SOURCES = {"default": 0, "rgb": 1, "thermal": 2}
SHORTEST_S, LONGEST_S, MOST = 0.1, 3_600.0, 100_000
# Whole numbers stay whole in a float32 below 2**24.
_NUMBERS = 10_000_000

Shows = Callable[[CameraState], bool]


class CameraOrder(Command):
    """A command to a camera. ``asks``: the message that shows its effect, asked for until it has."""

    commanding = False

    def __init__(
        self, action: str, message: Message, *, now_s: float, shown_by: Judge | None, asks: tuple[int, ...] = ()
    ) -> None:
        super().__init__(action, message, now_s=now_s, shown_by=shown_by, state_patience_s=_PATIENCE_S)
        self._asks = asks if shown_by is not None else ()
        self._next_ask_s = now_s + _ASK_AGAIN_S

    def _tick(self, state: VehicleState, now_s: float) -> None:
        super()._tick(state, now_s)
        if self.outcome is None and self._asks and self._refused is None and now_s >= self._next_ask_s:
            self._next_ask_s = now_s + _ASK_AGAIN_S
            target, component = self._message.target_system, self._message.target_component
            self._out += [
                command_long(target, _M.MAV_CMD_REQUEST_MESSAGE, float(number), component=component)
                for number in self._asks
            ]


class TakePicture(CameraOrder):
    """One picture. A camera that says that it could not store it is believed."""

    picture: Picture | None = None

    def _receive(self, message: Message, state: VehicleState, now_s: float) -> None:
        if message.get_type() == "CAMERA_IMAGE_CAPTURED" and message.capture_result == 0:
            self._end(REFUSED, "the camera could not store the picture", now_s)
            return
        super()._receive(message, state, now_s)


def _camera(state: VehicleState, component: int) -> CameraState:
    return state.cameras.get(component) or CameraState(component)


def _judge(component: int, shows: Shows) -> Judge:
    return lambda state: shows(_camera(state, component))


def _taken(camera: CameraState) -> int:
    """How many pictures there are, as far as is known."""
    counted = 0 if camera.capture is None else camera.capture.pictures or 0
    last = camera.last_picture
    return max(counted, 0 if last is None or not last.ok else last.index + 1)


def _order(
    action: str, target: int, component: int, command: int, *params: float, now_s: float, shows: Shows | None = None,
    asks: tuple[int, ...] = (),
) -> CameraOrder:  # fmt: skip
    message = command_long(target, command, *params, component=component)
    judge = None if shows is None else _judge(component, shows)
    return CameraOrder(action, message, now_s=now_s, shown_by=judge, asks=asks)


_CAPTURE = (int(_M.MAVLINK_MSG_ID_CAMERA_CAPTURE_STATUS),)
_SETTINGS = (int(_M.MAVLINK_MSG_ID_CAMERA_SETTINGS),)
_STREAM = (int(_M.MAVLINK_MSG_ID_VIDEO_STREAM_STATUS),)


def photo(target: int, component: int, state: VehicleState, *, now_s: float) -> CameraOrder:
    """One picture now."""
    before, shot = _taken(_camera(state, component)), state.shot
    number = float(int(now_s * 10.0) % _NUMBERS + 1)
    message = command_long(target, _M.MAV_CMD_IMAGE_START_CAPTURE, 0.0, 0.0, 1.0, number, component=component)

    def shown(later: VehicleState) -> bool:
        # Behind the autopilot nothing but CAMERA_FEEDBACK tells of a picture.
        fed_back = component == AUTOPILOT and later.shot is not None and later.shot is not shot
        return fed_back or _taken(_camera(later, component)) > before

    return TakePicture("camera photo", message, now_s=now_s, shown_by=shown, asks=_CAPTURE)


def series(
    target: int, component: int, interval_s: float, count: int, state: VehicleState, *, now_s: float
) -> CameraOrder:
    """A picture every so many seconds; ``count`` 0: until it is stopped."""
    if not SHORTEST_S <= interval_s <= LONGEST_S:
        raise ValueError(f"a picture every {interval_s:g} s: allowed are {SHORTEST_S:g} to {LONGEST_S:g}")
    if not 0 <= count <= MOST:
        raise ValueError(f"{count} pictures: allowed are 0 (until stopped) to {MOST}")
    before = _taken(_camera(state, component))

    def shows(camera: CameraState) -> bool:
        told = camera.capture
        if told is None or told.at_s <= now_s:
            return False
        running = told.taking in ("waiting", "taking a series") and told.interval_s is not None
        return running or (0 < count <= _taken(camera) - before)

    return _order(
        "camera series", target, component, _M.MAV_CMD_IMAGE_START_CAPTURE, 0.0, interval_s, float(count), 0.0,
        now_s=now_s, shows=shows, asks=_CAPTURE,
    )  # fmt: skip


def stop(target: int, component: int, *, now_s: float) -> CameraOrder:
    """End a series."""

    def shows(camera: CameraState) -> bool:
        told = camera.capture
        return told is not None and told.at_s > now_s and told.taking in ("idle", "taking")

    return _order(
        "camera stop", target, component, _M.MAV_CMD_IMAGE_STOP_CAPTURE, now_s=now_s, shows=shows, asks=_CAPTURE
    )


def film(target: int, component: int, *, on: bool, now_s: float) -> CameraOrder:
    """Begin or end a film on the camera's own card."""
    command = _M.MAV_CMD_VIDEO_START_CAPTURE if on else _M.MAV_CMD_VIDEO_STOP_CAPTURE

    def shows(camera: CameraState) -> bool:
        return camera.capture is not None and camera.capture.at_s > now_s and camera.capture.filming is on

    return _order("camera film", target, component, command, 0.0, 0.0, now_s=now_s, shows=shows, asks=_CAPTURE)


def mode(target: int, component: int, name: str, *, now_s: float) -> CameraOrder:
    """Image, video or survey mode. Raises ValueError naming them."""
    if name not in MODES:
        raise ValueError(f"camera mode {name!r} is unknown; allowed are {', '.join(MODES)}")

    def shows(camera: CameraState) -> bool:
        return camera.settings_at_s is not None and camera.settings_at_s > now_s and camera.mode == name

    return _order(
        "camera mode", target, component, _M.MAV_CMD_SET_CAMERA_MODE, 0.0, float(MODES[name]), now_s=now_s,
        shows=shows, asks=_SETTINGS,
    )  # fmt: skip


def zoom(target: int, component: int, percent: float, state: VehicleState, *, now_s: float) -> CameraOrder:
    """To a share of the zoom's range, 0 (widest) to 100."""
    if not 0.0 <= percent <= 100.0:
        raise ValueError(f"zoom {percent:g}: allowed are 0 (widest) to 100 percent")

    def shows(camera: CameraState) -> bool:
        fresh = camera.settings_at_s is not None and camera.settings_at_s > now_s
        return fresh and camera.zoom_pct is not None and abs(camera.zoom_pct - percent) <= _ZOOM_NEAR_PCT

    tells = _camera(state, component).zoom_pct is not None
    return _order(
        "camera zoom", target, component, _M.MAV_CMD_SET_CAMERA_ZOOM, float(_M.ZOOM_TYPE_RANGE), percent, now_s=now_s,
        shows=shows if tells else None, asks=_SETTINGS,
    )  # fmt: skip


def source(target: int, component: int, name: str, *, now_s: float) -> CameraOrder:
    """Which lens of a camera with several is shown. Raises ValueError naming them."""
    if name not in SOURCES:
        raise ValueError(f"camera source {name!r} is unknown; allowed are {', '.join(SOURCES)}")
    return _order(
        "camera source", target, component, _M.MAV_CMD_SET_CAMERA_SOURCE, 0.0, float(SOURCES[name]), 0.0, now_s=now_s
    )


def stream(target: int, component: int, number: int, *, on: bool, now_s: float) -> CameraOrder:
    """Start or stop a video stream; 0 means all of them."""
    command = _M.MAV_CMD_VIDEO_START_STREAMING if on else _M.MAV_CMD_VIDEO_STOP_STREAMING

    def shows(camera: CameraState) -> bool:
        meant = [each for each in camera.streams.values() if number in (0, each.number)]
        return bool(meant) and all(each.at_s > now_s and each.running is on for each in meant)

    return _order("camera stream", target, component, command, float(number), now_s=now_s, shows=shows, asks=_STREAM)
