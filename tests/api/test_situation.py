"""Journal first, screen second; unknown is null; and what is on no disk is counted."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from api.situation import Situation
from ground_station.wire import Encoder, Message, mavlink
from imagery.incident import Surroundings
from imagery.observe import FrameObservation
from missions.geometry.geo import Datum
from missions.geometry.terrain import TerrainGrid

Observe = Callable[..., FrameObservation]
LINK = "udpin:127.0.0.1:0"


def hear(situation: Situation, *messages: Message, now_s: float = 1.0) -> None:
    """Messages of vehicle 1's autopilot."""
    encoder = Encoder(1, 1)
    for message in messages:
        situation.station.receive(encoder.encode(message), link=LINK, now_s=now_s, utc_s=1_790_000_000.0 + now_s)


def heartbeat() -> Message:
    return mavlink.MAVLink_heartbeat_message(
        mavlink.MAV_TYPE_QUADROTOR, mavlink.MAV_AUTOPILOT_ARDUPILOTMEGA, 0x81, 4, mavlink.MAV_STATE_ACTIVE, 3
    )


def position(lat: float = 51.45, lon: float = 6.75) -> Message:
    return mavlink.MAVLink_global_position_int_message(
        1_000, int(lat * 1e7), int(lon * 1e7), 110_000, 80_000, 0, 0, 0, 9_000
    )


def home() -> Message:
    return mavlink.MAVLink_home_position_message(
        int(51.45e7), int(6.75e7), 30_000, 0, 0, 0, [1.0, 0.0, 0.0, 0.0], 0, 0, 0
    )


def test_what_is_shown_was_journalled_before(burning: Situation) -> None:
    kinds = [entry.kind for entry in burning.incident.journal.entries()]
    assert kinds.index("surroundings") < kinds.index("frame") < kinds.index("hotspot") < kinds.index("alarm")
    (shown,) = burning.hub.hotspots.values()
    journalled = [entry.payload for entry in burning.incident.journal.entries("hotspot")]
    assert journalled[-1]["id"] == shown["id"] and journalled[-1]["peak_c"] == shown["properties"]["peak_c"]


def test_the_journal_has_it_before_the_page_does(
    situation_of: Callable[..., Situation], observation: Observe, surroundings: Surroundings
) -> None:
    situation = situation_of()
    on_disk: list[int] = []
    publish = situation.hub.publish

    def watched(topic: str, data: Any, **times: Any) -> None:
        if topic == "hotspot":
            on_disk.append(len(list(situation.incident.journal.entries("hotspot"))))
        publish(topic, data, **times)

    situation.hub.publish = watched  # type: ignore[method-assign]
    for n in range(20):
        situation.replay(observation(n), surroundings, now_s=0.1 * n)
    assert on_disk == list(range(1, len(on_disk) + 1)) and on_disk


def test_a_new_hotspot_is_one_alarm_and_many_looks_are_one_hotspot(burning: Situation) -> None:
    assert len(list(burning.incident.journal.entries("alarm"))) == 1
    assert list(burning.hub.hotspots) == ["hs-000001"]


def test_a_look_without_a_place_changes_nothing_but_is_journalled(
    situation_of: Callable[..., Situation], observation: Observe, surroundings: Surroundings
) -> None:
    situation = situation_of()
    for n in range(6):
        situation.replay(observation(n, placed=False), surroundings, now_s=0.1 * n)
    assert situation.hub.hotspots == {} and situation.coverage_json()["frames"] == 0
    assert situation.incident.journal.flush() and len(list(situation.incident.journal.entries("frame"))) == 6
    assert situation.hub.states["footprint/1/100"]["reason"] == "telemetry gap"


def test_a_vehicle_of_which_little_is_known_is_null_not_zero(situation_of: Callable[..., Situation]) -> None:
    situation = situation_of()
    hear(situation, heartbeat())
    report = situation.vehicle_json(situation.station.vehicles[1], now_s=2.5)
    unknown = ("lat_deg", "lon_deg", "heading_deg", "height_above_ground_m", "height_above_home_m", "battery", "gps")
    assert [report[name] for name in unknown] == [None] * len(unknown)
    assert (report["height_reason"], report["age_s"], report["armed"]) == ("no_position", 1.5, True)


def test_height_above_ground_needs_a_terrain_that_covers_the_place(situation_of: Callable[..., Situation]) -> None:
    situation = situation_of()
    hear(situation, heartbeat(), position())
    vehicle = situation.station.vehicles[1]
    assert situation.vehicle_json(vehicle, now_s=1.0)["height_reason"] == "height_no_terrain"
    situation.terrain = grid_at(51.45, 6.75, 32.0)
    assert situation.vehicle_json(vehicle, now_s=1.0)["height_above_ground_m"] == pytest.approx(78.0)
    situation.terrain = grid_at(52.45, 6.75, 32.0)
    assert situation.vehicle_json(vehicle, now_s=1.0)["height_reason"] == "height_outside_terrain"
    troubles = {source.kind: source.trouble for source in situation.sources({LINK: True}, now_s=1.0)}
    assert troubles["detection"] == "outside_terrain"


def grid_at(lat: float, lon: float, height_m: float) -> TerrainGrid:
    """100 m around a place, level."""
    heights = np.full((21, 21), height_m, np.float32)
    cell = 1e-4
    return TerrainGrid(heights, "EPSG:4326", lon - 10 * cell, lat + 10 * cell, cell, cell, Datum.SEA_LEVEL)


def test_without_terrain_the_ground_is_homes_height_and_doubted(situation_of: Callable[..., Situation]) -> None:
    situation = situation_of()
    situation.place_ready(now_s=1.0)
    assert situation.surroundings is None
    hear(situation, heartbeat(), position(), home())
    situation.place_ready(now_s=1.0)
    assert situation.surroundings is not None
    assert (float(situation.surroundings.ground.height_at(51.45, 6.75)), situation.surroundings.ground.sigma_m) == (
        30,
        5,
    )


def test_each_source_has_an_age_of_its_own(situation_of: Callable[..., Situation]) -> None:
    situation = situation_of()
    hear(situation, heartbeat(), position(), now_s=1.0)
    for n in range(1, 9):
        hear(situation, heartbeat(), now_s=1.0 + n)  # the link lives, the position does not come any more
    states = {s.id: s.state for s in situation.sources({LINK: True, "tcp:h:1": False}, now_s=9.0)}
    assert states == {
        f"link:{LINK}": "live", "link:tcp:h:1": "never", "telemetry:1": "stale", "video:1/100": "never",
        "detection:1/100": "never", "recording": "live",
    }  # fmt: skip


def test_what_is_on_no_disk_is_shown(burning: Situation, tmp_path: Path) -> None:
    folder = burning.incident.folder / "frames"
    folder.rmdir()
    eye = burning.eyes["1/100"]
    eye.pictures["7.jpg"] = b"jpeg"
    burning._keep_picture(eye, "7.jpg")
    status = burning.status({LINK: True}, {LINK: 3}, now_s=1.0)
    assert status["recording"] == {"ok": False, "not_recorded": 1}
    recording = next(source for source in status["sources"] if source["kind"] == "recording")
    assert (recording["state"], recording["text"]) == ("stale", "disk_full")
    assert {"name": f"link:{LINK}", "lost": 3, "length": 0, "bound": 2000} in status["queues"]
    folder.mkdir()
    eye.pictures["8.jpg"] = b"jpeg"
    burning._keep_picture(eye, "8.jpg")
    assert burning.status({LINK: True}, {}, now_s=1.0)["recording"] == {"ok": True, "not_recorded": 1}


def test_a_replay_asks_and_sends_nothing(situation_of: Callable[..., Situation]) -> None:
    situation = situation_of("wiedergabe")
    hear(situation, heartbeat(), position())
    situation.station.tick(now_s=5.0)
    assert situation.station.take_outgoing(now_s=5.0) == ()
    assert situation.mode == "wiedergabe"


def test_the_pilots_hand_on_the_aircraft_is_an_alarm_and_shown_while_it_lasts(
    situation_of: Callable[..., Situation],
) -> None:
    situation = situation_of()
    hear(situation, heartbeat(), position())
    loiter = mavlink.MAVLink_heartbeat_message(2, 3, 0x81, 5, 4, 3)
    hear(situation, loiter, now_s=3.0)
    situation.publish_vehicles(now_s=3.0)
    (alarm,) = situation.hub.alarms.values()
    assert (alarm["kind"], alarm["vehicle"], alarm["flight_mode"]) == ("pilot_took_over", 1, "LOITER")
    assert situation.incident.journal.flush()
    assert [entry.payload["kind"] for entry in situation.incident.journal.entries("alarm")] == ["pilot_took_over"]
    assert situation.hub.states["vehicle/1"]["notice"]["kind"] == "pilot_took_over"
    hear(situation, heartbeat(), now_s=5.0)  # back in GUIDED, again by the pilot
    situation.publish_vehicles(now_s=5.0)
    assert situation.hub.states["vehicle/1"]["notice"]["flight_mode"] == "GUIDED"
    assert len(situation.hub.alarms) == 2
