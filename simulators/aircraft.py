"""Aircraft that pass through a scene, and the ADS-B receiver on the drone that hears them.

An aircraft flies straight and level from where it comes from to where it wants to go, and there either on or it stays
(a helicopter that lands beside the fire hovers until the end). Its transponder is heard as far as RANGE_KM; what the
receiver decodes it hands to its autopilot once a second as ADSB_VEHICLE, as component 156 of the same vehicle, the way
a receiver on a serial port does. Nobody tells the autopilot what is not on the air.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from pymavlink.dialects.v20 import ardupilotmega as mavlink

from simulators.geodesy import Floats, Plane
from simulators.scenery import Traffic

RECEIVER_COMPONENT = 156
RANGE_KM = 40.0
_EVERY_S = 1.0
_SLACK_S = 1e-6  # sums of 0.01 s fall short of their due time
_EMITTERS = {"helicopter": 7, "light": 1, "glider": 9, "drone": 14}
_SPEAKS_OF = 1 | 2 | 4 | 8 | 16 | 128  # coordinates, altitude, heading, velocity, callsign, vertical velocity


@dataclass(frozen=True, slots=True)
class Aircraft:
    """One aircraft over one scene; metres east, north of its origin, height above sea level."""

    told: Traffic
    address: int
    height_amsl_m: float

    @property
    def callsign(self) -> str:
        """As its transponder says it."""
        return self.told.callsign

    @property
    def arrives_s(self) -> float:
        """When it is over the place it flies to."""
        way = math.dist(self.told.from_m, self.told.to_m)
        return self.told.from_s + way / self.told.speed_m_s

    def at(self, now_s: float) -> tuple[Floats, Floats] | None:
        """(3,) place and (3,) velocity, east north up; None before it appears."""
        told = self.told
        if now_s < told.from_s:
            return None
        begin, end = np.array(told.from_m), np.array(told.to_m)
        way = float(np.hypot(*(end - begin)))
        flown = told.speed_m_s * (now_s - told.from_s)
        stays = told.then == "stays" and flown >= way
        ahead = (end - begin) / max(way, 1e-6)
        place = begin + ahead * (way if stays else flown)
        velocity = ahead * (0.0 if stays else told.speed_m_s)
        return np.array([*place, self.height_amsl_m]), np.array([*velocity, 0.0])


def aircraft_of(traffic: tuple[Traffic, ...], ground_amsl_m: float) -> tuple[Aircraft, ...]:
    """What a scenario says, as aircraft with addresses of their own (from 3C0001, a German block)."""
    return tuple(
        Aircraft(told, 0x3C0000 + number, ground_amsl_m + told.height_m) for number, told in enumerate(traffic, 1)
    )


class Receiver:
    """The receiver of one vehicle: ``step`` time, send ``take_outgoing`` to its autopilot."""

    def __init__(self, plane: Plane, aircraft: tuple[Aircraft, ...], *, sysid: int = 1) -> None:
        self._plane, self._aircraft = plane, aircraft
        self._mav = mavlink.MAVLink(None, srcSystem=sysid, srcComponent=RECEIVER_COMPONENT)
        self._next_s = 0.0
        self._out: list[bytes] = []

    def step(self, now_s: float, here: Floats) -> None:
        """What is on the air now at (3,) ``here``."""
        if now_s + _SLACK_S < self._next_s or not self._aircraft:
            return
        self._next_s = (math.floor(now_s / _EVERY_S + _SLACK_S) + 1) * _EVERY_S
        self._send(mavlink.MAVLink_heartbeat_message(mavlink.MAV_TYPE_ADSB, 8, 0, 0, 4, 3))
        for aircraft in self._aircraft:
            flown = aircraft.at(now_s)
            if flown is not None and math.dist(flown[0], here) <= RANGE_KM * 1000.0:
                self._send(self._vehicle(aircraft, *flown))

    def _vehicle(self, aircraft: Aircraft, place: Floats, velocity: Floats) -> Any:
        lat, lon, _ = self._plane.geo(place - (0.0, 0.0, self._plane.alt_m))
        speed = float(np.hypot(velocity[0], velocity[1]))
        heading = math.degrees(math.atan2(velocity[0], velocity[1])) % 360.0
        return mavlink.MAVLink_adsb_vehicle_message(
            aircraft.address, round(lat * 1e7), round(lon * 1e7), mavlink.ADSB_ALTITUDE_TYPE_PRESSURE_QNH,
            round(float(place[2]) * 1000), round(heading * 100) % 36_000, round(speed * 100), 0,
            aircraft.callsign.encode("ascii", "replace")[:8], _EMITTERS[aircraft.told.kind], 0, _SPEAKS_OF, 0,
        )  # fmt: skip

    def _send(self, message: Any) -> None:
        self._out.append(bytes(message.pack(self._mav)))
        self._mav.seq = (self._mav.seq + 1) % 256

    def take_outgoing(self) -> tuple[bytes, ...]:
        """Frames for the autopilot."""
        out, self._out = tuple(self._out), []
        return out
