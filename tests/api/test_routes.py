"""What can be asked over HTTP and WebSocket: shapes, modes, errors, and who is let in."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from starlette.testclient import WebSocketTestSession
from starlette.websockets import WebSocketDisconnect

from api.routes.app import create_app, host_of, is_served, served_names
from api.situation import Situation
from imagery.frame import Frame

READABLE = (
    "hotspots", "vehicles", "tracks", "footprints", "coverage", "alarms", "incidents", "basemap", "status",
)  # fmt: skip
LOCAL = "http://127.0.0.1:8080"


def client_of(situation: Situation, base: str = LOCAL, **changes: Any) -> TestClient:
    app = create_app(situation, lambda: {"udpin:127.0.0.1:0": True}, **changes)
    return TestClient(app, base_url=base, raise_server_exceptions=False)


def connect(situation: Situation, path: str, headers: dict[str, str] | None = None) -> WebSocketTestSession:
    return client_of(situation).websocket_connect(path, headers={"host": "127.0.0.1:8080", **(headers or {})})


@pytest.fixture
def client(burning: Situation) -> TestClient:
    return client_of(burning)


@pytest.mark.parametrize("path", [*(f"/api/v1/{name}" for name in READABLE), "/healthz", "/readyz"])
@pytest.mark.parametrize("mode", ["einsatz", "uebung", "demo", "wiedergabe"])
def test_every_answer_carries_the_mode(situation_of: Callable[..., Situation], path: str, mode: str) -> None:
    answer = client_of(situation_of(mode)).get(path)
    assert answer.status_code in (200, 503) and answer.json()["mode"] == mode


def test_a_hotspot_is_a_feature_as_agreed(client: TestClient) -> None:
    answer = client.get("/api/v1/hotspots")
    assert answer.headers["content-type"] == "application/geo+json"
    (feature,) = answer.json()["features"]
    properties = feature["properties"]
    assert feature["geometry"]["coordinates"] == pytest.approx([6.75, 51.45], abs=1e-4)
    assert {"id", "number", "kind", "status", "vehicle", "camera", "peak_c", "peak_is_lower_bound", "contrast_k",
            "area_m2", "first_seen", "last_seen", "sightings", "ellipse95", "height_amsl_m", "utmref",
            "confidence", "trend", "mode"} <= set(properties)  # fmt: skip
    assert properties["peak_c"] == pytest.approx(300.0, abs=0.2) and properties["number"] == 1
    assert properties["first_seen"].endswith("Z") and properties["utmref"].startswith("32U LC")
    ring = properties["ellipse_polygon"]
    assert ring[0] == ring[-1] and len(ring) == 37
    assert sum(a[0] * b[1] - b[0] * a[1] for a, b in pairwise(ring)) > 0  # counter-clockwise


def test_beside_the_list_stands_whether_anybody_is_looking(burning: Situation, monkeypatch: pytest.MonkeyPatch) -> None:
    client = client_of(burning)
    assert client.get("/api/v1/hotspots").json()["statement"] == "coverage.no_statement"  # the looks were long ago
    coverage = client.get("/api/v1/coverage").json()["features"][0]
    assert coverage["properties"]["frames"] == 5 and coverage["properties"]["area_m2"] > 1_000
    assert coverage["geometry"]["type"] == "MultiPolygon"


def test_all_that_travels_names_vehicle_and_camera(client: TestClient, burning: Situation) -> None:
    for path in ("hotspots", "footprints"):
        (feature,) = client.get(f"/api/v1/{path}").json()["features"]
        assert (feature["properties"]["vehicle"], feature["properties"]["camera"]) == (1, "1/100"), path
    (alarm,) = client.get("/api/v1/alarms").json()["alarms"]
    assert (alarm["vehicle"], alarm["camera"]) == (1, "1/100")
    assert burning.hub.snapshot(t_srv=0.0)["data"]["alarms"] == [alarm]


def test_recorded_incidents_are_listed_and_damaged_ones_left_out(burning: Situation, tmp_path: Path) -> None:
    for name, text in (("zz-old", 'format = 1\nname = "old"\nmode = "einsatz"\n'), ("zz-bad", "format =")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "incident.toml").write_text(text)
    found = client_of(burning).get("/api/v1/incidents").json()["incidents"]
    assert [(one["name"], one["running"]) for one in found] == [("old", False), ("Probe", True)]


def test_another_incident_is_not_this_one(client: TestClient) -> None:
    assert client.get("/api/v1/hotspots?incident=Probe").status_code == 200
    assert client.get("/api/v1/hotspots?incident=other").status_code == 404


@pytest.mark.parametrize(
    "method, path, status",
    [("GET", "/api/v1/nothing", 404), ("POST", "/api/v1/hotspots", 405), ("DELETE", "/api/v1/vehicles", 405)],
)
def test_errors_are_problem_documents(client: TestClient, method: str, path: str, status: int) -> None:
    answer = client.request(method, path)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert (body["status"], body["mode"]) == (status, "uebung") and body["title"] and body["detail"]


def test_our_own_mistake_is_a_problem_document_without_a_traceback(
    burning: Situation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Situation, "coverage_json", lambda self: 1 / 0)
    answer = client_of(burning).get("/api/v1/coverage")
    assert answer.status_code == 500 and answer.headers["content-type"] == "application/problem+json"
    assert "Traceback" not in answer.text and answer.json()["detail"] == "ZeroDivisionError"


def test_not_ready_names_what_is_missing(client: TestClient) -> None:
    answer = client.get("/readyz")
    assert answer.status_code == 503
    missing = {source["kind"]: source["state"] for source in answer.json()["not_ready"]}
    assert missing["link"] == "never" and missing["detection"] == "lost"
    assert client.get("/healthz").json()["alive"] is True


@pytest.mark.parametrize("path", ["/", "/api/v1/hotspots", "/api/v1/nothing", "/api/v1/docs"])
def test_nothing_but_this_server_may_be_loaded(client: TestClient, path: str) -> None:
    headers = client.get(path).headers
    assert headers["content-security-policy"].startswith("default-src 'self'")
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff" and headers["cache-control"] == "no-cache"


def test_the_documentation_needs_no_internet(client: TestClient) -> None:
    page = client.get("/api/v1/docs").text
    assert "/api/v1/hotspots" in page and "http" not in page.replace("https://", "http") and "<script" not in page
    assert client.get("/api/v1/openapi.json").json()["paths"]["/api/v1/hotspots"]


def test_no_route_takes_anything_that_could_move_an_aircraft(client: TestClient) -> None:
    schema = client.get("/api/v1/openapi.json").json()
    assert {method for methods in schema["paths"].values() for method in methods} == {"get"}


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "192.168.1.5", ""])
def test_a_name_that_is_not_ours_is_not_served(burning: Situation, host: str) -> None:
    answer = client_of(burning).get("/api/v1/hotspots", headers={"host": host})
    assert answer.status_code == 421 and "features" not in answer.json()


@pytest.mark.parametrize("host", ["127.0.0.1:8080", "localhost:1", "LOCALHOST", "[::1]:8080", "[::1]"])
def test_loopback_has_many_names(burning: Situation, host: str) -> None:
    assert client_of(burning).get("/healthz", headers={"host": host}).status_code == 200


def test_who_listens_beyond_loopback_is_served_under_that_name() -> None:
    assert is_served("192.168.1.5", served_names("192.168.1.5"))
    assert not is_served("192.168.1.6", served_names("192.168.1.5"))
    every = served_names("0.0.0.0")
    assert is_served("10.0.0.7", every) and is_served("fe80::1", every) and not is_served("evil.example", every)
    assert host_of("[FE80::1]:80") == "fe80::1"


def test_metrics_are_text(client: TestClient) -> None:
    lines = client.get("/metrics").text.splitlines()
    assert "einsatzdrohne_hotspots 1" in lines and 'einsatzdrohne_frames_total{camera="1/100"} 0' in lines


# --- the live channel -------------------------------------------------------------------------------------------------


def test_a_page_gets_hello_then_everything_then_what_changes(burning: Situation) -> None:
    with connect(burning, "/api/v1/live") as socket:
        hello, snapshot = socket.receive_json(), socket.receive_json()
        assert (hello["topic"], hello["data"]["epoch"]) == ("hello", burning.hub.epoch)
        assert snapshot["topic"] == "snapshot"
        assert [feature["id"] for feature in snapshot["data"]["hotspots"]] == ["hs-000001"]
        assert "footprint/1/100" in snapshot["data"]
        socket.send_json({"ping": 7})
        assert socket.receive_json()["pong"] == 7


@pytest.mark.parametrize("text", ["", "no json", "[]", "17", '{"arm": 1}', "x" * 5_000, '{"resume": {"epoch": 1}}'])
def test_whatever_a_page_sends_nothing_happens(burning: Situation, text: str) -> None:
    with connect(burning, "/api/v1/live") as socket:
        for _ in range(2):
            socket.receive_json()
        socket.send_text(text)
        socket.send_json({"ping": 1})
        assert socket.receive_json()["pong"] == 1
    assert burning.station.take_outgoing(now_s=0.0) == ()


@pytest.mark.parametrize("path", ["/api/v1/live", "/api/v1/video/1/100"])
@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"},
        {"origin": "http://127.0.0.1:9999"},
        {"origin": "null"},
        {"host": "evil.example", "origin": "http://evil.example"},
        {"host": "evil.example"},
    ],
)
def test_somebody_elses_page_gets_no_socket(burning: Situation, path: str, headers: dict[str, str]) -> None:
    with pytest.raises(WebSocketDisconnect), connect(burning, path, headers) as socket:
        socket.receive()


def test_our_own_page_gets_one(burning: Situation) -> None:
    headers = {"origin": LOCAL, "host": "127.0.0.1:8080"}
    with connect(burning, "/api/v1/live", headers) as socket:
        assert socket.receive_json()["topic"] == "hello"


def test_the_video_sends_no_more_than_was_granted(burning: Situation, frame: Callable[..., Frame]) -> None:
    eye = burning.eyes["1/100"]
    burning.looked(eye, eye.look(frame(1)), now_s=1.0)
    with connect(burning, "/api/v1/video/1/100") as socket:
        header, jpeg = picture(socket.receive_bytes())
        assert (header["seq"], header["mode"], header["width"]) == (1, "uebung", 160)
        assert jpeg[:2] == b"\xff\xd8" and header["age_s"] is not None


def test_a_camera_that_is_not_there_has_no_video(burning: Situation) -> None:
    with pytest.raises(WebSocketDisconnect), connect(burning, "/api/v1/video/9/100") as socket:
        socket.receive()


def picture(data: bytes) -> tuple[dict[str, Any], bytes]:
    (length,) = struct.unpack(">I", data[:4])
    return json.loads(data[4 : 4 + length]), data[4 + length :]
