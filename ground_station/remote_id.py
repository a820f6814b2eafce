"""Open Drone ID (mavlink.io/en/services/opendroneid.html): who flies here, told to the transmitter once a second.

The transmitter on board broadcasts where the aircraft is; who operates it, from where and for what it hears from the
ground station. ArduPilot lets nobody arm while OPERATOR_ID and SYSTEM are older than 3 s, so they are sent for as long
as they are asked for, and to nobody who did not ask: a wrong identity is worse than none.

The operator's place is what the file says (FIXED), else where the aircraft took off (TAKEOFF, its home); before that it
is unknown, which the format knows as 0, 0. An operator number of the EU is given with three secret characters behind
it, by which a slip is found (ISO 7064-like checksum over 36 characters, EN 4709-002); they are checked and **never
sent**.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ground_station.telemetry import VehicleState
from ground_station.wire import Message, mavlink

_M = mavlink
EVERY_S = 1.0
_EPOCH_S = 1_546_300_800.0  # 2019-01-01, from which Open Drone ID counts
_ID_TYPES = {"serial": 1, "registration": 2, "utm": 3, "session": 4}
_AIRCRAFT = {"aeroplane": 1, "multirotor": 2, "gyroplane": 3, "hybrid": 4}
_CATEGORIES = {"undefined": 0, "open": 1, "specific": 2, "certified": 3}
_DESCRIPTIONS = {"text": 0, "emergency": 1}
_TAKEOFF, _FIXED = 0, 2
_UNKNOWN_M = -1000.0
_ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyz"
_EU = re.compile(r"([A-Z]{3})([0-9a-z]{12})([0-9a-z])(?:-([0-9a-z]{3}))?")
_LONG, _DESCRIPTION_LONG = 20, 23


class IdentityError(ValueError):
    """An identity file that cannot be used: names the file, the key and what is allowed."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Who flies. ``operator_place``: degrees, degrees, metres above the ellipsoid."""

    uas_id: str
    id_type: str = "serial"
    aircraft: str = "multirotor"
    operator_id: str = ""
    description: str = ""
    description_type: str = "text"
    category: str = "undefined"
    operator_place: tuple[float, float, float] | None = None


_KEYS: Mapping[str, Mapping[str, int] | None] = {
    "uas_id": None, "id_type": _ID_TYPES, "aircraft": _AIRCRAFT, "operator_id": None, "description": None,
    "description_type": _DESCRIPTIONS, "category": _CATEGORIES,
}  # fmt: skip


def read_identity(text: str, name: str) -> Identity:
    """A TOML file of the keys of ``Identity``. Raises IdentityError."""
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise IdentityError(f"{name}: {error}") from error
    place = table.pop("operator_place", None)
    values: dict[str, Any] = {}
    for key, value in table.items():
        if key not in _KEYS:
            raise IdentityError(f"{name}: {key!r} is unknown; allowed are {', '.join((*_KEYS, 'operator_place'))}")
        allowed = _KEYS[key]
        if not isinstance(value, str) or (allowed is not None and value not in allowed):
            raise IdentityError(f"{name}: {key} = {value!r}; allowed is {', '.join(allowed) if allowed else 'a text'}")
        values[key] = value
    longest = _LONG if values.get("id_type") != "utm" else 0
    if not 1 <= len(values.get("uas_id", "")) <= longest or not values["uas_id"].isascii():
        raise IdentityError(f"{name}: uas_id must be 1 to {_LONG} ASCII characters (id_type utm is not supported)")
    if not values.get("operator_id"):
        raise IdentityError(f"{name}: operator_id is missing; without it nothing arms")
    values["operator_id"] = public_operator_id(values["operator_id"], name)
    if len(values.get("description", "")) > _DESCRIPTION_LONG or not values.get("description", "").isascii():
        raise IdentityError(f"{name}: description: allowed are up to {_DESCRIPTION_LONG} ASCII characters")
    return Identity(**values, operator_place=None if place is None else _place(place, name))


def _place(value: object, name: str) -> tuple[float, float, float]:
    numbers = value if isinstance(value, list) else []
    if len(numbers) != 3 or not all(isinstance(each, int | float) for each in numbers):
        raise IdentityError(f"{name}: operator_place must be [latitude, longitude, metres above the ellipsoid]")
    lat, lon, alt_m = (float(each) for each in numbers)
    if not (abs(lat) <= 90.0 and abs(lon) <= 180.0 and -1_000.0 < alt_m < 31_000.0):
        raise IdentityError(f"{name}: operator_place {numbers}: outside the earth")
    return lat, lon, alt_m


def public_operator_id(given: str, name: str) -> str:
    """What may be sent of an operator number; an EU number with its secret part is checked. Raises IdentityError."""
    found = _EU.fullmatch(given)
    if found is None:
        if "-" in given or not 1 <= len(given) <= _LONG or not given.isascii():
            raise IdentityError(
                f"{name}: operator_id: allowed are DEU and 13 characters with or without its secret part (-xyz), "
                f"or up to {_LONG} ASCII characters"
            )
        return given
    country, body, check, secret = found.groups()
    if secret is not None and _check_character(body + secret) != check:
        raise IdentityError(f"{name}: operator_id: the number and its secret part do not belong together (a slip?)")
    return f"{country}{body}{check}"


def _check_character(text: str) -> str:
    """Luhn's sum over 36 characters, from the right, every other one doubled."""
    total = 0
    for place, character in enumerate(reversed(text)):
        value = _ALPHABET.index(character) * (2 if place % 2 == 0 else 1)
        total += value // 36 + value % 36
    return _ALPHABET[-total % 36]


class DroneId:
    """Sends an identity for one vehicle; silent until ``identity`` is set."""

    def __init__(self) -> None:
        self.identity: Identity | None = None
        self._next_s = 0.0

    def due(self, state: VehicleState, *, now_s: float, utc_s: float | None) -> tuple[Message, ...]:
        """The messages to send now. ``utc_s``: None where the time is not known; then it is not told."""
        if self.identity is None or now_s < self._next_s:
            return ()
        self._next_s = now_s + EVERY_S
        who, to = self.identity, (state.sysid, 0)
        ids = [0] * 20
        out = [
            _M.MAVLink_open_drone_id_basic_id_message(
                *to, ids, _ID_TYPES[who.id_type], _AIRCRAFT[who.aircraft], _padded(who.uas_id)
            ),
            _M.MAVLink_open_drone_id_operator_id_message(*to, ids, 0, who.operator_id.encode()),
            _system(who, state, to, utc_s),
        ]
        if who.description:
            kind = _DESCRIPTIONS[who.description_type]
            out.append(_M.MAVLink_open_drone_id_self_id_message(*to, ids, kind, who.description.encode()))
        return tuple(out)


def _padded(text: str) -> list[int]:
    return list(text.encode().ljust(_LONG, b"\0"))


def _system(who: Identity, state: VehicleState, to: tuple[int, int], utc_s: float | None) -> Message:
    place, kind = who.operator_place, _FIXED
    if place is None and state.home is not None:
        place, kind = (state.home.lat_deg, state.home.lon_deg, _UNKNOWN_M), _TAKEOFF
    lat, lon, alt_m = place or (0.0, 0.0, _UNKNOWN_M)
    category = _CATEGORIES[who.category]
    stamp = 0 if utc_s is None or utc_s < _EPOCH_S else int(utc_s - _EPOCH_S)
    return _M.MAVLink_open_drone_id_system_message(
        *to, [0] * 20, kind, 1 if category else 0, round(lat * 1e7), round(lon * 1e7), 1, 0, _UNKNOWN_M, _UNKNOWN_M,
        category, 0, alt_m, stamp,
    )  # fmt: skip
