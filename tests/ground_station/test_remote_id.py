"""Open Drone ID: who flies is told once a second when asked for, never otherwise, and never with the secret part."""

from __future__ import annotations

from typing import Any

import pytest

from ground_station.remote_id import DroneId, Identity, IdentityError, public_operator_id, read_identity
from ground_station.telemetry import Home, VehicleState
from ground_station.wire import Encoder, Message, Parser, mavlink

FILE = """
uas_id = "1596F350457791151"
operator_id = "FIN87astrdge12k8-xyz"
description = "Feuerwehr Duisburg"
description_type = "emergency"
category = "specific"
"""
HOME = Home(0.0, 51.4344, 6.7623, 33.0)
UTC_S = 1_773_522_000.0


def _sent(service: DroneId, state: VehicleState, seconds: float, utc_s: float | None = UTC_S) -> list[Message]:
    out: list[Message] = []
    for step in range(round(seconds * 50)):
        out += service.due(state, now_s=100.0 + step * 0.02, utc_s=utc_s)
    return out


def test_nothing_is_sent_before_it_is_asked_for_and_then_each_once_a_second() -> None:
    service = DroneId()
    assert _sent(service, VehicleState(1), 5.0) == []
    service.identity = read_identity(FILE, "id.toml")
    names = [message.get_type().removeprefix("OPEN_DRONE_ID_") for message in _sent(service, VehicleState(1), 10.0)]
    assert {name: names.count(name) for name in names} == dict.fromkeys(
        ("BASIC_ID", "OPERATOR_ID", "SYSTEM", "SELF_ID"), 10
    )


def test_what_is_on_the_air_is_what_the_file_says_without_the_secret() -> None:
    service = DroneId()
    service.identity = read_identity(FILE, "id.toml")
    encoder, parser = Encoder(255, 190), Parser()
    wire = b"".join(encoder.encode(message) for message in _sent(service, VehicleState(1, home=HOME), 0.5))
    told = {received.name: received.message for received in parser.feed(wire)}
    assert told["OPEN_DRONE_ID_OPERATOR_ID"].operator_id == "FIN87astrdge12k8"
    assert b"xyz" not in wire
    basic = told["OPEN_DRONE_ID_BASIC_ID"]
    assert bytes(basic.uas_id).rstrip(b"\0") == b"1596F350457791151" and (basic.id_type, basic.ua_type) == (1, 2)
    system = told["OPEN_DRONE_ID_SYSTEM"]
    assert system.operator_location_type == mavlink.MAV_ODID_OPERATOR_LOCATION_TYPE_TAKEOFF
    assert (system.operator_latitude, system.operator_longitude) == (514_344_000, 67_623_000)
    assert (system.category_eu, system.classification_type) == (mavlink.MAV_ODID_CATEGORY_EU_SPECIFIC, 1)
    assert system.timestamp == int(UTC_S - 1_546_300_800)
    assert told["OPEN_DRONE_ID_SELF_ID"].description == "Feuerwehr Duisburg"
    assert (basic.target_system, basic.target_component) == (1, 0)


def test_an_operator_who_says_where_he_stands_is_believed_and_without_home_nobody_knows() -> None:
    service = DroneId()
    service.identity = Identity("X1", operator_id="op", operator_place=(51.5, 6.5, 80.0))
    system = _sent(service, VehicleState(1, home=HOME), 0.5)[2]
    assert (system.operator_location_type, system.operator_latitude, system.operator_altitude_geo) == (
        mavlink.MAV_ODID_OPERATOR_LOCATION_TYPE_FIXED, 515_000_000, 80.0,
    )  # fmt: skip
    service = DroneId()
    service.identity = Identity("X1", operator_id="op")
    system = _sent(service, VehicleState(1), 0.5, utc_s=None)[2]
    assert (system.operator_latitude, system.operator_longitude, system.timestamp) == (0, 0, 0)
    assert system.operator_altitude_geo == -1000.0 and system.category_eu == 0


@pytest.mark.parametrize("slip", ["FIN87astrdge12k8-xyy", "FIN87astrdge12k9-xyz", "FIN78astrdge12k8-xyz"])
def test_a_slip_in_the_number_is_found_by_its_secret_part(slip: str) -> None:
    assert public_operator_id("FIN87astrdge12k8-xyz", "f") == public_operator_id("FIN87astrdge12k8", "f")
    with pytest.raises(IdentityError, match="do not belong together"):
        public_operator_id(slip, "f")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("uas_id = ", "id.toml: "),
        ('uas_id = "A"', "operator_id is missing"),
        ('operator_id = "A"', "uas_id must be 1 to 20"),
        ('uas_id = "123456789012345678901"\noperator_id = "A"', "uas_id must be 1 to 20"),
        ('uas_id = "A"\noperator_id = "A-1"', "with or without its secret part"),
        ('uas_id = "A"\noperator_id = "B"\naircraft = "balloon"', "aeroplane, multirotor"),
        ('uas_id = "A"\noperator_id = "B"\nserial = "C"', "'serial' is unknown; allowed are uas_id"),
        ('uas_id = "A"\noperator_id = "B"\noperator_place = [91.0, 6.0, 0.0]', "outside the earth"),
        ('uas_id = "A"\noperator_id = "B"\noperator_place = [51.0]', "operator_place must be"),
        ('uas_id = "A"\noperator_id = "B"\ndescription = "ein sehr langer Text zu viel"', "up to 23"),
    ],
)
def test_an_identity_that_cannot_be_used_says_what_is_allowed(text: str, told: str) -> None:
    with pytest.raises(IdentityError, match=told):
        read_identity(text, "id.toml")


def test_a_vehicle_of_which_it_is_asked_hears_it_and_no_other(make_rig: Any) -> None:
    rig = make_rig()
    rig.station.identities = {1: read_identity(FILE, "id.toml")}
    rig.run(5.0)
    assert 4 <= len(rig.sent_of("OPEN_DRONE_ID_SYSTEM")) <= 6
    other = make_rig()
    other.station.identities = {2: read_identity(FILE, "id.toml")}
    other.run(5.0)
    assert other.sent_of("OPEN_DRONE_ID_SYSTEM") == []
