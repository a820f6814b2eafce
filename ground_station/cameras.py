"""The cameras of one vehicle: finding them, hearing them, and asking again for what got lost.

A camera is found by the heartbeat of its component. It is asked what it is, and then, by what it says that it can, for
its settings, its cards, what it has taken and its streams; three times each and then rarely, for a camera that does
not answer has mostly nothing to say. One that only speaks through the autopilot has no heartbeat: ``ask_autopilot``
looks for it. What changes is heard as it comes (``camera`` folds it), and asked for slowly besides.

Nothing here is a sign of life of the autopilot, and nothing of it is forgotten when that one reboots.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping

from ground_station.camera import FIRST_COMPONENT, LAST_COMPONENT, CameraState, ThermalRange, fold, picture_of
from ground_station.command import command_long
from ground_station.pictures import Pictures
from ground_station.wire import Message, Received, mavlink

# Three questions in quick succession; then rarely, for on a bad link all three may have been lost.
_TRIES, _ASK_S, _LATER_S = 3, 1.0, 10.0
_FOLLOW_S = 5.0
_RANGE_HZ, _KEPT_RANGES = 5.0, 50
_FORGOTTEN_S = 30.0
AUTOPILOT = 1

_M = mavlink
_INFORMATION = int(_M.MAVLINK_MSG_ID_CAMERA_INFORMATION)
_CAPTURED = int(_M.MAVLINK_MSG_ID_CAMERA_IMAGE_CAPTURED)
_RANGE = int(_M.MAVLINK_MSG_ID_CAMERA_THERMAL_RANGE)
_CAPTURE = int(_M.MAVLINK_MSG_ID_CAMERA_CAPTURE_STATUS)
_STREAMS = int(_M.MAVLINK_MSG_ID_VIDEO_STREAM_INFORMATION)
_SETTINGS, _STORAGE = int(_M.MAVLINK_MSG_ID_CAMERA_SETTINGS), int(_M.MAVLINK_MSG_ID_STORAGE_INFORMATION)


class _Asking:
    """What one camera was asked for, how often, and when next."""

    def __init__(self) -> None:
        self._asked: dict[int, tuple[int, float]] = {}
        self.follow_s = 0.0

    def due(self, wanted: tuple[int, ...], now_s: float) -> tuple[int, ...]:
        ask = tuple(number for number in wanted if now_s >= self._asked.get(number, (0, 0.0))[1])
        for number in ask:
            tries = self._asked.get(number, (0, 0.0))[0] + 1
            self._asked[number] = (tries, now_s + (_ASK_S if tries < _TRIES else _LATER_S))
        return ask


class Cameras:
    """``states`` by component; the autopilot's own camera is component 1."""

    def __init__(self, sysid: int) -> None:
        self._sysid = sysid
        self._states: dict[int, CameraState] = {}
        self._asking: dict[int, _Asking] = {}
        self._books: dict[int, Pictures] = {}
        self._ranges: dict[int, deque[ThermalRange]] = {}

    @property
    def states(self) -> Mapping[int, CameraState]:
        """What is known of each."""
        return self._states

    def pictures(self, component: int) -> Pictures:
        """The book of a camera's pictures. Raises KeyError where there is no such camera."""
        return self._books[component]

    def thermal_ranges(self, component: int) -> tuple[ThermalRange, ...]:
        """The last CAMERA_THERMAL_RANGE of a camera, or of the autopilot that speaks for it; the newest last."""
        return tuple(self._ranges.get(component) or self._ranges.get(AUTOPILOT) or ())

    @property
    def first(self) -> int | None:
        """The component of the first camera that has said what it is; one of its own before the autopilot's."""
        known = [component for component, state in self._states.items() if state.information is not None]
        return min(known, key=lambda component: (component == AUTOPILOT, component), default=None)

    def ask_autopilot(self) -> None:
        """Look for a camera that the autopilot speaks for."""
        self._meet(AUTOPILOT)

    def _meet(self, component: int) -> None:
        if component not in self._states:
            self._states[component] = CameraState(component)
            self._asking[component] = _Asking()
            self._books[component] = Pictures()
            self._ranges[component] = deque(maxlen=_KEPT_RANGES)

    def hear(self, received: Received, *, now_s: float) -> None:
        """One message of a camera component, or of the autopilot about its camera."""
        component, message, name = received.compid, received.message, received.name
        if name == "HEARTBEAT":
            is_camera = message.type == _M.MAV_TYPE_CAMERA and FIRST_COMPONENT <= component <= LAST_COMPONENT
            if not is_camera:
                return
            known = self._states.get(component)
            silent = known is None or known.heard_at_s is None or now_s - known.heard_at_s > _FORGOTTEN_S
            self._meet(component)
            if silent:  # it may be another one that was plugged in, or have forgotten what it was told
                self._asking[component] = _Asking()
        elif component == AUTOPILOT and component not in self._states:
            if name != "CAMERA_INFORMATION":
                return
            self._meet(component)  # somebody else has asked for it
        elif component not in self._states:
            return
        self._states[component] = fold(self._states[component], message, now_s=now_s)
        told = self._states[component].thermal_range
        if name == "CAMERA_THERMAL_RANGE" and told is not None:
            self._ranges[component].append(told)
        elif name == "CAMERA_IMAGE_CAPTURED":
            self._books[component].hear(picture_of(message, now_s), now_s=now_s)
        elif name == "CAMERA_CAPTURE_STATUS" and component != AUTOPILOT and getattr(message, "image_count", -1) >= 0:
            self._books[component].counted(message.image_count, now_s=now_s)

    def due(self, *, now_s: float) -> tuple[Message, ...]:
        """The questions to send now."""
        out: list[Message] = []
        for component, state in self._states.items():
            if component != AUTOPILOT and (state.heard_at_s is None or now_s - state.heard_at_s > _FORGOTTEN_S):
                continue
            asking = self._asking[component]
            out += [self._ask(component, number) for number in asking.due(self._unknown(state), now_s)]
            if state.information is not None and now_s >= asking.follow_s:
                if asking.follow_s:
                    out += [self._ask(component, number) for number in self._followed(state)]
                out += self._range(component, state, now_s)
                asking.follow_s = now_s + _FOLLOW_S
            out += [self._ask(component, _CAPTURED, index) for index in self._books[component].due(now_s=now_s)]
        return tuple(out)

    def _unknown(self, state: CameraState) -> tuple[int, ...]:
        if state.information is None:
            return (_INFORMATION,)
        wanted = [_SETTINGS] if state.settings_at_s is None else []
        if state.can("image") or state.can("video"):
            wanted += [_CAPTURE] if state.capture is None else []
            wanted += [_STORAGE] if not state.cards else []
        if state.can("stream") and len(state.streams) < (state.streams_told or 1):
            wanted.append(_STREAMS)
        return tuple(wanted)

    def _followed(self, state: CameraState) -> tuple[int, ...]:
        followed = [_CAPTURE] if state.capture is not None else []
        return tuple([*followed, _STORAGE] if state.cards else followed)

    def _range(self, component: int, state: CameraState, now_s: float) -> list[Message]:
        """Have CAMERA_THERMAL_RANGE sent, where there is such a thing and it does not come."""
        told = state.thermal_range
        if not state.can("thermal_range") or (told is not None and now_s - told.at_s < _FOLLOW_S):
            return []
        interval_us = 1e6 / _RANGE_HZ
        return [
            command_long(self._sysid, _M.MAV_CMD_SET_MESSAGE_INTERVAL, float(_RANGE), interval_us, component=component)
        ]

    def _ask(self, component: int, number: int, index: int = 0) -> Message:
        return command_long(self._sysid, _M.MAV_CMD_REQUEST_MESSAGE, float(number), float(index), component=component)
