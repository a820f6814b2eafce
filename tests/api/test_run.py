"""A whole ground side in this process: what it does with nothing to hear, with ports that are taken, with a death."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from api.replay import verify
from api.run import Extras, RunError, run
from api.settings import CameraSetting, Settings, camera_settings
from api.situation import Situation
from api.store.journal import Journal
from ground_station.wire import mavlink
from imagery.sources import SourceError
from missions.geometry.camera import CameraProfile


def settings_of(tmp_path: Path, **changes: Any) -> Settings:
    facts: dict[str, Any] = {"links": ("udpin:127.0.0.1:0",), "cameras": (), "port": 0} | changes
    return Settings(name="Probe", mode="uebung", folder=tmp_path / "incident", **facts)


def get(address: str, path: str) -> tuple[int, Any]:
    try:
        with urllib.request.urlopen(address + path, timeout=5) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def ends_itself(look: Callable[[str], None]) -> Callable[[Situation, str], Any]:
    """A ``started`` that looks at the running server and then ends it like a user would."""

    async def started(situation: Situation, address: str) -> None:
        try:
            await asyncio.to_thread(look, address)
        finally:
            os.kill(os.getpid(), signal.SIGTERM)

    return started


async def test_with_nobody_there_it_serves_and_says_so(tmp_path: Path, profile: CameraProfile) -> None:
    seen: dict[str, Any] = {}

    def look(address: str) -> None:
        seen["ready"] = get(address, "/readyz")
        seen["hotspots"] = get(address, "/api/v1/hotspots")

    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        camera = CameraSetting(1, "1/100", f"tcp://127.0.0.1:{closed.getsockname()[1]}", profile)
        assert await run(settings_of(tmp_path, cameras=(camera,)), Extras(started=ends_itself(look))) == 0
    status, ready = seen["ready"]
    assert status == 503 and {s["id"]: s["state"] for s in ready["not_ready"]} == {
        "link:udpin:127.0.0.1:0": "never", "video:1/100": "never", "detection:1/100": "never",
    }  # fmt: skip
    assert seen["hotspots"][1]["statement"] == "coverage.no_statement"
    kinds = [entry.kind for entry in Journal(tmp_path / "incident" / "journal.sqlite").entries()]
    assert kinds == ["start", "stop"]
    events = [json.loads(line)["event"] for line in (tmp_path / "incident" / "log.jsonl").read_text().splitlines()]
    assert events[0] == "start" and events[-1] == "stop"


async def test_the_port_of_the_page_is_taken(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(RunError, match=f"port {port} on 127.0.0.1 cannot be used .* --port"):
            await run(settings_of(tmp_path, port=port))
    assert not (tmp_path / "incident").exists()


async def test_the_port_of_a_link_is_taken(tmp_path: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        with pytest.raises(RunError, match=f"port {port} on 127.0.0.1 is in use"):
            await run(settings_of(tmp_path, links=(f"udpin:127.0.0.1:{port}",)))


async def test_a_camera_that_cannot_be_is_named_before_anything_is_recorded(
    tmp_path: Path, profile: CameraProfile
) -> None:
    camera = CameraSetting(1, "1/100", "dir:/no/such/folder", profile)
    with pytest.raises(SourceError, match="/no/such/folder"):
        await run(settings_of(tmp_path, cameras=(camera,)))
    assert not (tmp_path / "incident").exists()


async def test_without_a_camera_url_the_stream_is_opened_that_the_camera_names(
    tmp_path: Path, profile: CameraProfile
) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        link = probe.getsockname()
    (camera,) = camera_settings([], [str(_profile_file(tmp_path))])
    connected = asyncio.Event()

    async def viewer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connected.set()
        writer.close()

    server = await asyncio.start_server(viewer, "127.0.0.1", 0)
    url = f"tcp://127.0.0.1:{server.sockets[0].getsockname()[1]}".encode()
    other, own = mavlink.VIDEO_STREAM_TYPE_RTSP, mavlink.VIDEO_STREAM_TYPE_TCP_MPEG
    told = (
        (1, mavlink.MAVLink_heartbeat_message(mavlink.MAV_TYPE_QUADROTOR, 3, 0, 0, 4, 3)),
        (100, mavlink.MAVLink_heartbeat_message(mavlink.MAV_TYPE_CAMERA, 8, 0, 0, 4, 3)),
        (
            100,
            mavlink.MAVLink_video_stream_information_message(1, 2, other, 1, 9, 8, 8, 1, 0, 0, b"day", b"rtsp://h/1"),
        ),
        (100, mavlink.MAVLink_video_stream_information_message(2, 2, own, 3, 9, 8, 8, 1, 0, 0, b"raw", url)),
    )

    async def started(situation: Situation, address: str) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as wire:
            for component, message in told:
                wire.sendto(message.pack(mavlink.MAVLink(None, 1, component)), link)
        await asyncio.wait_for(connected.wait(), 10.0)
        os.kill(os.getpid(), signal.SIGTERM)

    settings = settings_of(tmp_path, cameras=(camera,), links=(f"udpin:127.0.0.1:{link[1]}",))
    async with server:
        assert await run(settings, Extras(started=started)) == 0
    assert f'"stream": "{url.decode()}"' in (tmp_path / "incident" / "log.jsonl").read_text()


def _profile_file(folder: Path) -> Path:
    file = folder / "camera.toml"
    file.write_text("width = 8\nheight = 8\nfx = 9\nfy = 9\ncx = 3.5\ncy = 3.5\n")
    return file


async def test_a_file_that_is_no_video_is_a_camera_that_never_came(tmp_path: Path, profile: CameraProfile) -> None:
    (tmp_path / "v.mp4").write_bytes(b"not a video" * 50)
    camera = CameraSetting(1, "1/100", f"file:{tmp_path / 'v.mp4'}", profile)
    found: list[dict[str, Any]] = []

    async def started(situation: Situation, address: str) -> None:
        for _ in range(200):
            sources = (await asyncio.to_thread(get, address, "/readyz"))[1]["sources"]
            found[:] = [source for source in sources if source["kind"] == "video" and source["text"]]
            if found:
                break
            await asyncio.sleep(0.02)
        os.kill(os.getpid(), signal.SIGTERM)

    assert await run(settings_of(tmp_path, cameras=(camera,)), Extras(started=started)) == 0
    assert found[0]["state"] == "never" and "not a video" in found[0]["text"]


@pytest.mark.parametrize("error", [RuntimeError("the world has ended"), ZeroDivisionError("ours")])
async def test_a_task_that_dies_takes_the_run_down_aloud_and_the_recording_is_whole(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], error: Exception
) -> None:
    async def world() -> None:
        raise error

    assert await run(settings_of(tmp_path), Extras(world=world)) == 1
    told = capsys.readouterr().err
    assert str(error) in told and told.count("\n") == 1 and "Traceback" not in told
    entries = list(Journal(tmp_path / "incident" / "journal.sqlite").entries())
    assert [entry.kind for entry in entries] == ["start", "stop"]
    lines = [json.loads(line) for line in (tmp_path / "incident" / "log.jsonl").read_text().splitlines()]
    assert any(line["event"] == "task died" and type(error).__name__ in line["trace"] for line in lines)


async def test_it_listens_on_loopback_and_nowhere_else(tmp_path: Path) -> None:
    def look(address: str) -> None:
        port = int(address.rpartition(":")[2])
        listening = [line.split()[1] for line in Path("/proc/net/tcp").read_text().splitlines() if " 0A " in line]
        assert f"0100007F:{port:04X}" in listening and f"00000000:{port:04X}" not in listening

    assert await run(settings_of(tmp_path), Extras(started=ends_itself(look))) == 0


async def test_a_recording_without_space_is_refused_before_it_begins(tmp_path: Path) -> None:
    (tmp_path / "incident").write_text("a file where the folder should be")
    with pytest.raises(RunError, match=r"nothing can be recorded in .*incident \(File exists\): give --data"):
        await run(settings_of(tmp_path))


async def test_two_runs_never_share_a_folder(tmp_path: Path) -> None:
    assert await run(settings_of(tmp_path), Extras(seconds=0.0)) == 0
    with pytest.raises(RunError, match="another run is recording there"):
        await run(settings_of(tmp_path))
    assert verify(tmp_path / "incident").differences == ()
