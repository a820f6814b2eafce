"""The world as processes: met over the wire alone, and gone when whoever started it is gone."""

from __future__ import annotations

import asyncio
import contextlib
import io
import itertools
import json
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from pymavlink.dialects.v20 import ardupilotmega as mavlink

from missions.geometry.terrain_files import write_terrain
from simulators.endpoints import EndpointError, SimulatedDrone, start
from simulators.fire import build
from simulators.scenario import ScenarioError, load
from simulators.scenario_files import scenario_of
from simulators.scenery import Terrain

pytestmark = pytest.mark.flight
LIMIT_S = 30.0
ROOT = Path(__file__).resolve().parents[2]
SHIPPED = ROOT / "simulators" / "scenarios" / "uebungsplatz.toml"


async def until(condition: Callable[[], bool], what: str) -> None:
    """Wait for a condition; fails naming it."""
    try:
        async with asyncio.timeout(LIMIT_S):
            while not condition():  # noqa: ASYNC110 - other processes set no event of ours
                await asyncio.sleep(0.02)
    except TimeoutError:
        pytest.fail(f"waited {LIMIT_S:g} s for {what}")


class Ground(asyncio.DatagramProtocol):
    """A ground station's ear: which messages came from whom."""

    def __init__(self) -> None:
        self.heard: set[tuple[int, int, str]] = set()
        self.port = 0
        self._parser = mavlink.MAVLink(None)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.port = transport.get_extra_info("sockname")[1]

    def datagram_received(self, data: bytes, addr: tuple[str | Any, int]) -> None:
        for m in self._parser.parse_buffer(data) or ():
            self.heard.add((m.get_srcSystem(), m.get_srcComponent(), m.get_type()))


@contextlib.asynccontextmanager
async def listening() -> AsyncIterator[Ground]:
    loop = asyncio.get_running_loop()
    transport, ground = await loop.create_datagram_endpoint(Ground, local_addr=("127.0.0.1", 0))
    try:
        yield ground
    finally:
        transport.close()


def watch(url: str, frames: int) -> tuple[dict[str, str], list[float], list[Any]]:
    """Metadata, exposure times and pictures of a new viewer."""
    with av.open(url, format="nut" if url.startswith("tcp") else None, timeout=LIMIT_S) as container:
        stamps, pictures = [], []
        for frame in container.decode(video=0):
            if frame.pts is None or frame.time_base is None:
                continue  # the first one of RTP
            stamps.append(float(frame.pts * frame.time_base))
            pictures.append(frame.to_ndarray())
            if len(stamps) == frames:
                break
        return dict(container.metadata), stamps, pictures


def alive(pid: int) -> bool:
    """Whether a process runs; one that has ended but was not yet collected does not."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0] != "Z"
    return False


async def test_vehicle_camera_and_gimbal_are_met_over_the_wire_and_leave_nothing_behind() -> None:
    async with listening() as ground:
        here = f"127.0.0.1:{ground.port}"
        async with SimulatedDrone(load("uebungsplatz"), 1, ground=here, rtsp="0/thermal") as drone:
            beating = {(1, component, "HEARTBEAT") for component in (1, 100, 154)}
            await until(lambda: beating <= ground.heard, "heartbeats of autopilot, camera and gimbal")
            assert not any(name in ("SIM_STATE", "SIMSTATE") for _, _, name in ground.heard)
            first, second, for_people = await asyncio.gather(
                *(asyncio.to_thread(watch, drone.video_url, frames) for frames in (5, 12)),
                asyncio.to_thread(watch, drone.rtsp_url, 4),
            )
            again = await asyncio.to_thread(watch, drone.video_url, 3)
            with socket.create_connection(("127.0.0.1", int(drone.video_url.rpartition(":")[2]))):
                beside_a_sleeper = await asyncio.to_thread(watch, drone.video_url, 12)
            pids = [endpoint.process.pid for endpoint in drone.endpoints.values()]
        assert not any(alive(pid) for pid in pids)
    for metadata, stamps, pictures in (first, second, again, beside_a_sleeper):
        assert {key.lower(): value for key, value in metadata.items()}.items() >= {
            "clock": "vehicle-boot",
            "vehicle": "1",
            "camera": "1/100",
            "kelvin_per_count": "0.02",
            "kelvin_offset": "0",
        }.items()
        steps = [round(b - a, 3) for a, b in itertools.pairwise(stamps)]
        assert all(step >= 0.1 and round(step * 10, 3) == round(step * 10) for step in steps), steps
        assert all(picture.shape == (512, 640) and picture.dtype == "uint16" for picture in pictures)
        assert all(250 < picture.mean() * 0.02 < 320 for picture in pictures)
    assert again[1][0] > first[1][-1]
    assert "clock" not in {key.lower() for key in for_people[0]}, "H.264 does not say when it was exposed"
    for picture in for_people[2]:
        assert picture.shape == (512 * 3 // 2, 640), "8 bits a pixel, 4:2:0"
        assert np.ptp(picture[:512]) > 100, "stretched"


async def test_it_says_which_of_its_processes_has_ended() -> None:
    async with SimulatedDrone(load("uebungsplatz"), 1, ground="127.0.0.1:9") as drone:
        ending = asyncio.create_task(drone.wait_ended())
        drone.endpoints["gimbal"].process.kill()
        with pytest.raises(EndpointError, match="the simulated gimbal has ended"):
            await asyncio.wait_for(ending, LIMIT_S)


async def test_a_taken_port_is_named_and_nothing_stays(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        drone = SimulatedDrone(load("uebungsplatz"), 1, ground="127.0.0.1:9", video_port=taken.getsockname()[1])
        with pytest.raises(EndpointError, match=r"camera did not start: .*address already in use"):
            async with drone:
                pytest.fail("it started on a port that is taken")


async def test_a_scenario_that_does_not_exist_ends_the_process_with_the_reason() -> None:
    with pytest.raises(EndpointError, match=r"'atlantis' is unknown; allowed are .*uebungsplatz"):
        await start("vehicle", scenario="atlantis")


def test_a_scenario_may_come_from_a_file(tmp_path: Path) -> None:
    mine = tmp_path / "mine.toml"
    mine.write_text(SHIPPED.read_text(encoding="utf-8").replace("fires = 3", "fires = 2"), encoding="utf-8")
    scenario = scenario_of(str(mine))
    assert (scenario.name, scenario.fires) == ("mine", 2)
    mine.write_bytes(b"\xff\xfe")
    with pytest.raises(ScenarioError, match="is no text file"):
        scenario_of(str(mine))
    with pytest.raises(FileNotFoundError):
        scenario_of(str(tmp_path / "none.toml"))


def test_a_scenario_may_stand_on_real_ground(tmp_path: Path) -> None:
    slope = build(replace(load("uebungsplatz"), terrain=Terrain("hilly", relief_m=20.0)), 5).elevation()
    write_terrain(tmp_path / "ground.tif", slope)
    mine = tmp_path / "mine.toml"
    words = SHIPPED.read_text(encoding="utf-8").replace("width_m = 260.0", "width_m = 200.0")
    mine.write_text(words + '[terrain]\nfile = "ground.tif"\n', encoding="utf-8")
    scene = build(scenario_of(str(mine)), 1)
    for east, north in ((-80.0, -80.0), (0.0, 70.0), (60.0, -30.0)):
        there = slope.height_at(*scene.place(east, north))
        bare = float(scene.sample(scene.bare_m, np.float32([[east]]), np.float32([[north]]))[0, 0])
        assert bare == pytest.approx(float(there), abs=6.5), "a heap and a hand's breadth of unevenness on top"
    assert float(np.ptp(scene.bare_m)) > 10.0
    for bad, why in (("none.tif", "cannot be read as a GeoTIFF"), ("mine.toml", "cannot be read as a GeoTIFF")):
        mine.write_text(words + f'[terrain]\nfile = "{bad}"\n', encoding="utf-8")
        with pytest.raises(ScenarioError, match=rf"\[terrain\] file: .*{why} \(line 21\)"):
            scenario_of(str(mine))
    mine.write_text(SHIPPED.read_text(encoding="utf-8") + '[terrain]\nfile = "ground.tif"\n', encoding="utf-8")
    with pytest.raises(ScenarioError, match=r"the elevation raster leaves .* % of the scene"):
        build(scenario_of(str(mine)), 1)


async def simulate(*words: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "api.cli", "simulate", *words), cwd=ROOT,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("urls", "words"),
    [
        (("rtsp://0.0.0.0:8554/thermal",), "allowed is rtsp://127.0.0.1:PORT"),
        (("rtsp://127.0.0.1:8554",), "a path of letters"),
        (("rtsp://127.0.0.1:8554/a b",), "a path of letters"),
        (("rtsp://127.0.0.1:8554/thermal", "rtsp://127.0.0.1:8555/thermal"), "allowed are one"),
        (("tcp://127.0.0.1:5600/x",), "allowed are one"),
        (("udp://127.0.0.1:5600",), "allowed are one"),
    ],
)
def test_a_video_that_cannot_be_is_refused(urls: tuple[str, ...], words: str) -> None:
    from api.cli import main

    said = io.StringIO()
    with contextlib.redirect_stderr(said):
        assert main(["simulate", "uebungsplatz", *(word for url in urls for word in ("--video", url))]) == 2
    assert words in said.getvalue()


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()]


@pytest.mark.skipif(not Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").exists(), reason="needs Linux /proc")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
async def test_whoever_started_it_takes_it_along(number: signal.Signals, tmp_path: Path) -> None:
    process = await simulate("uebungsplatz", "--mavlink", "udpout:127.0.0.1:9", "--out", str(tmp_path))
    try:
        assert process.stdout is not None
        line = await asyncio.wait_for(process.stdout.readline(), LIMIT_S)
        assert json.loads(line)["video"].startswith("tcp://127.0.0.1:")
        assert set(os.listdir(tmp_path)) == {"terrain.tif", "camera.toml", "mission.plan"}
        pids = children(process.pid)
        assert len(pids) == 3 and all(alive(pid) for pid in pids)
        process.send_signal(number)
        code = await asyncio.wait_for(process.wait(), LIMIT_S)
        assert code == (0 if number == signal.SIGTERM else -number)
        await until(lambda: not any(alive(pid) for pid in pids), "the three processes to end")
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
