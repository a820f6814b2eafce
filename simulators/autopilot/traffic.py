"""Aircraft nearby, as ADSB_VEHICLE tells of them and ArduCopter keeps and passes them on.

While ADSB_TYPE is 0 they are nobody's affair and forwarded like any broadcast. Else they are kept in a list of
ADSB_LIST_MAX, forwarded no more, and told one a message in turn at the rate asked for, a round a second at most. A full
list gives its furthest place to one that is nearer; who is silent for five seconds is forgotten.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pymavlink.dialects.v20 import ardupilotmega as mavlink

_FORGOTTEN_S, _ROUND_S = 5.0, 1.0
_PLACE_AND_HEIGHT = 1 | 2
_HIGHEST_ADDRESS = 0xFFFFFF
_RADIUS_M = 6_371_000.0

Place = tuple[float, float]


@dataclass(frozen=True, slots=True)
class _Aircraft:
    message: Any
    heard_s: float

    def distance_m(self, here: Place) -> float:
        lat, lon = math.radians(self.message.lat * 1e-7), math.radians(self.message.lon * 1e-7)
        north, east = lat - math.radians(here[0]), (lon - math.radians(here[1])) * math.cos(lat)
        return _RADIUS_M * math.hypot(north, east)


class Traffic:
    """The list of one vehicle. ``values``: its parameters. Places are latitude and longitude in degrees."""

    def __init__(self, values: Mapping[str, float]) -> None:
        self._values = values
        self._known: dict[int, _Aircraft] = {}
        self._next, self._round_s = 0, -_ROUND_S

    def hear(self, message: Any, here: Place | None, now_s: float) -> bool:
        """Take ADSB_VEHICLE; false while nobody keeps a list. ``here`` None: the vehicle does not know its place."""
        if not self._values["ADSB_TYPE"]:
            return False
        self._forget(now_s)
        address, aircraft = int(message.ICAO_address), _Aircraft(message, now_s - message.tslc)
        if not self._counts(aircraft, here, now_s):
            self._known.pop(address, None)
        elif address in self._known or len(self._known) < self._values["ADSB_LIST_MAX"]:
            self._known[address] = aircraft
        elif here is not None:
            furthest = max(self._known, key=lambda known: self._known[known].distance_m(here), default=None)
            if furthest is not None and aircraft.distance_m(here) < self._known[furthest].distance_m(here):
                del self._known[furthest]
                self._known[address] = aircraft
        return True

    def _counts(self, aircraft: _Aircraft, here: Place | None, now_s: float) -> bool:
        m, radius_m = aircraft.message, self._values["ADSB_LIST_RADIUS"]
        far = here is not None and 0 < radius_m < aircraft.distance_m(here)
        silent = now_s - aircraft.heard_s > _FORGOTTEN_S
        known = m.flags & _PLACE_AND_HEIGHT and m.ICAO_address <= _HIGHEST_ADDRESS and (m.lat or m.lon)
        return bool(known) and not far and not silent

    def _forget(self, now_s: float) -> None:
        self._known = {a: known for a, known in self._known.items() if now_s - known.heard_s <= _FORGOTTEN_S}

    def tell(self, now_s: float) -> Any:
        """ADSB_VEHICLE of the next one; None where there is none, or the round began less than a second ago."""
        self._forget(now_s)
        if not self._known or not self._values["ADSB_TYPE"]:
            return None
        if self._next >= len(self._known):
            if now_s - self._round_s < _ROUND_S - 1e-9:
                return None
            self._next = 0
        if self._next == 0:
            self._round_s = now_s
        m = [*self._known.values()][self._next].message
        self._next += 1
        return mavlink.MAVLink_adsb_vehicle_message(
            m.ICAO_address, m.lat, m.lon, m.altitude_type, m.altitude, m.heading, m.hor_velocity, m.ver_velocity,
            m.callsign.encode("ascii", "replace"), m.emitter_type, m.tslc, m.flags, m.squawk,
        )  # fmt: skip
