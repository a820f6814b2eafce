"""Which messages we want how often, and whether they really come.

Nothing but heartbeats comes until it is asked for (SET_MESSAGE_INTERVAL, per link), an ACK does not prove that a
message arrives, and a rebooted vehicle has forgotten all: so the requests are repeated, slowly, for what is silent.
"""

from __future__ import annotations

import re

from ground_station.command import command_long
from ground_station.wire import Message, mavlink

# Hz. Attitude and gimbal carry the place of every hotspot: a sample every 40 ms leaves slerp nothing to guess.
WANTED_HZ: dict[str, float] = {
    "ATTITUDE": 25.0,
    "GLOBAL_POSITION_INT": 10.0,
    "GIMBAL_DEVICE_ATTITUDE_STATUS": 25.0,
    "SYSTEM_TIME": 2.0,
    "GPS_RAW_INT": 5.0,
    "SYS_STATUS": 2.0,
    "EKF_STATUS_REPORT": 2.0,
    "EXTENDED_SYS_STATE": 4.0,
    "HOME_POSITION": 0.5,
    "VFR_HUD": 4.0,
    "WIND": 1.0,
    "TERRAIN_REPORT": 1.0,
    "MISSION_CURRENT": 2.0,
    "FENCE_STATUS": 1.0,
    "POSITION_TARGET_GLOBAL_INT": 2.0,
    "NAV_CONTROLLER_OUTPUT": 1.0,
    "BATTERY_STATUS": 1.0,
    "VIBRATION": 1.0,
    "RC_CHANNELS": 1.0,
    "RANGEFINDER": 2.0,
    "POWER_STATUS": 0.5,
    "GPS2_RAW": 1.0,
    "LOCAL_POSITION_NED": 1.0,
    "GIMBAL_MANAGER_STATUS": 0.5,
}
# Asked for where we have terrain to serve: without it the vehicle asks for none, waits for ever and never arms.
TERRAIN_REQUEST, TERRAIN_REQUEST_HZ = "TERRAIN_REQUEST", 2.0
_RATES = {**WANTED_HZ, TERRAIN_REQUEST: TERRAIN_REQUEST_HZ}
# ArduPilot's word for a message that this vehicle does not have: asked for once and never again.
_NO_SUCH = re.compile(r"No ap_message for mavlink id \((\d+)\)")
_SILENT_FOR_S = 3.0
_REPEAT_S = (3.0, 6.0, 12.0, 30.0)


def _message_id(name: str) -> int:
    return int(getattr(mavlink, f"MAVLINK_MSG_ID_{name}"))


class StreamRequests:
    """Asks one vehicle for the wanted messages and repeats what does not come."""

    def __init__(self) -> None:
        self._seen_s: dict[str, float] = {}
        self._absent: set[str] = set()
        self._round = 0
        self._next_s = 0.0

    def saw(self, name: str, now_s: float) -> None:
        """A message of this name has arrived."""
        if name in _RATES:
            self._seen_s[name] = now_s

    def ask_again(self) -> None:
        """All of it, at once: the link is another one."""
        self._seen_s.clear()
        self._round, self._next_s = 0, 0.0

    def told(self, text: str) -> None:
        """A STATUSTEXT, which may say that a message is not there to be had."""
        found = _NO_SUCH.search(text)
        if found:
            self._absent |= {name for name in _RATES if _message_id(name) == int(found[1])}

    def due(self, target: int, *, now_s: float, terrain: bool = False) -> tuple[Message, ...]:
        """The requests to send now, if any. ``terrain``: have the vehicle say which heights it lacks."""
        if now_s < self._next_s:
            return ()
        silent = [
            name
            for name, hz in _RATES.items()
            if name not in self._absent and (terrain or name != TERRAIN_REQUEST)
            if now_s - self._seen_s.get(name, -1e9) > max(_SILENT_FOR_S, 3.0 / hz)
        ]
        if not silent:
            self._round, self._next_s = 0, now_s + _REPEAT_S[0]
            return ()
        self._next_s = now_s + _REPEAT_S[min(self._round, len(_REPEAT_S) - 1)]
        self._round += 1
        return tuple(
            command_long(target, mavlink.MAV_CMD_SET_MESSAGE_INTERVAL, float(_message_id(name)), 1e6 / _RATES[name])
            for name in silent
        )
