"""The ground side of one incident as one task group: pump the links, watch the cameras, serve the page.

A task that dies takes the group down loudly; the recording is closed in any case. SIGTERM and SIGINT end it in order.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import sys
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import cv2
import uvicorn

from api.conductor import Conductor
from api.routes.app import create_app
from api.settings import Settings
from api.situation import Eye, Situation
from api.store.incident import Incident, surroundings_from_json, write_facts
from api.store.journal import Journal
from ground_station.link import Link, LinkError, LogLink, open_link
from ground_station.pump import Pump
from imagery.incident import Surroundings
from imagery.observe import FrameObservation
from imagery.sources import StreamSource
from missions.geometry.terrain import TerrainGrid
from missions.geometry.terrain_files import read_terrain

_TICK_S = 0.05
_STATUS_S = 0.5
_COVERAGE_S = 1.0
_VEHICLE_S = 0.2

Started = Callable[[Situation, str], Awaitable[None]]


class RunError(RuntimeError):
    """The run could not begin: one line that says what to do."""


@dataclass(slots=True)
class Extras:
    """What a demonstration or a replay adds.

    ``started``: called once all runs; ``world``: raises when the world ends; ``replayed``: the folder whose journal is
    shown again; ``on_opened``: called with the open links, returns the conductor.
    """

    conductor: Conductor | None = None
    started: Started | None = None
    world: Callable[[], Awaitable[None]] | None = None
    seconds: float | None = None
    replayed: Path | None = None
    on_opened: Callable[[list[Link]], Awaitable[Conductor | None]] | None = None


def listening_socket(host: str, port: int) -> socket.socket:
    """The web server's port, taken before anything else starts. Raises RunError when it is in use."""
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise RunError(
            f"port {port} on {host} cannot be used ({error.strerror}): end what runs there or give --port another one"
        ) from error
    listener.listen(128)
    listener.setblocking(False)
    return listener


async def run(settings: Settings, extras: Extras | None = None) -> int:
    """Run until a signal, the end of a recording, or ``extras.seconds``. The exit code.

    Raises RunError, LinkError or TerrainError before anything was recorded.
    """
    extras = extras or Extras()
    cv2.setNumThreads(1)
    terrain = read_terrain(settings.terrain) if settings.terrain else None
    listener = listening_socket(settings.host, settings.port)
    links = [open_link(url) for url in settings.links]
    try:
        for link in links:
            if isinstance(link, LogLink):
                link.speed = settings.replay_speed
            await link.open()
        if extras.on_opened is not None:
            extras.conductor = await extras.on_opened(links)
        return await _recorded(settings, extras, terrain, listener, links)
    finally:
        listener.close()
        for link in links:
            await link.close()


async def _recorded(
    settings: Settings, extras: Extras, terrain: TerrainGrid | None, listener: socket.socket, links: list[Link]
) -> int:
    incident = Incident.create(settings.folder, settings.terrain)
    facts = {"name": settings.name, "title": settings.title, "mode": settings.mode, "started_s": time.time()}
    write_facts(settings.folder, **facts)  # type: ignore[arg-type]
    incident.journal.append("start", time.time(), 0, facts)
    situation = Situation(settings, incident, terrain)
    runner = _Runner(settings, extras, situation, links, listener)
    try:
        return await runner.run()
    finally:
        lost = {"not_recorded": situation.not_recorded}
        incident.journal.append("stop", time.time(), incident.telemetry.offset, lost)
        for eye in situation.eyes.values():
            eye.recorder.close()
        incident.close()


class _Runner:
    def __init__(
        self, settings: Settings, extras: Extras, situation: Situation, links: list[Link], listener: socket.socket
    ) -> None:
        self.settings, self.extras, self.situation = settings, extras, situation
        self.links, self.listener = links, listener
        self._end = asyncio.Event()
        self._pump = Pump(situation.station, links, situation.incident.telemetry)

    async def run(self) -> int:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._end.set)
        server = self._server()
        failures: list[BaseException] = []
        try:
            async with asyncio.TaskGroup() as group:
                work = [
                    group.create_task(self._pump_links(), name="links"),
                    group.create_task(self._ticks(), name="ticks"),
                    group.create_task(_serve(server, self.listener), name="web"),
                ]
                work += [
                    group.create_task(self._watch(eye), name=f"camera {eye.camera}")
                    for eye in self.situation.eyes.values()
                ]
                if self.extras.replayed is not None:
                    work.append(group.create_task(self._replay(self.extras.replayed), name="journal"))
                if self.extras.world is not None:
                    work.append(group.create_task(_as_task(self.extras.world), name="world"))
                if self.extras.started is not None:
                    while not server.started:  # noqa: ASYNC110 uvicorn tells it in no other way
                        await asyncio.sleep(0.01)
                    address = f"http://{self.settings.host}:{self.listener.getsockname()[1]}"
                    await self.extras.started(self.situation, address)
                await self._until_end()
                server.should_exit = True
                for task in work:
                    if task.get_name() != "web":
                        task.cancel()
        except* (LinkError, RunError, RuntimeError, OSError) as failed:
            failures += failed.exceptions
        for error in failures:
            print(f"einsatzdrohne: {error}", file=sys.stderr)
        return 1 if failures else 0

    async def _until_end(self) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._end.wait(), self.extras.seconds)

    def _server(self) -> uvicorn.Server:
        app = create_app(self.situation, self._link_states)
        config = uvicorn.Config(app, log_level="error", access_log=False, ws="websockets-sansio", lifespan="off",
                                timeout_graceful_shutdown=1, ws_max_size=65_536, ws_ping_interval=None)  # fmt: skip
        server = uvicorn.Server(config)
        # The signals are ours: uvicorn's own handlers would leave the recording open.
        server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign,assignment]
        return server

    def _link_states(self) -> dict[str, bool]:
        return {link.name: link.connected for link in self.links}

    async def _pump_links(self) -> None:
        await self._pump.run()
        # Only recordings end by themselves; the page stays up and shows where they ended.
        await asyncio.Event().wait()

    async def _watch(self, eye: Eye) -> None:
        setting = eye.setting
        source = StreamSource(setting.url, setting.vehicle, eye.camera, band=setting.profile.band)
        loop = asyncio.get_running_loop()
        with ThreadPoolExecutor(1, thread_name_prefix=f"eye {eye.camera}") as worker:
            try:
                async for frame in source.frames():
                    look = await loop.run_in_executor(worker, self.situation.look, eye, frame)
                    eye.dropped = source.dropped
                    self.situation.looked(eye, look, now_s=time.monotonic())
            finally:
                source.close()

    async def _ticks(self) -> None:
        situation, conductor = self.situation, self.extras.conductor
        next_vehicle = next_status = next_coverage = 0.0
        while True:
            now_s = time.monotonic()
            self._replay_time()
            situation.place_ready(now_s=now_s)
            if conductor is not None:
                conductor.tick(situation.station, now_s=now_s)
                self._pump.flush()
            if now_s >= next_vehicle:
                next_vehicle = now_s + _VEHICLE_S
                situation.publish_vehicles(now_s=now_s)
            if now_s >= next_status:
                next_status = now_s + _STATUS_S
                losses = {link.name: link.dropped for link in self.links}
                status = situation.status(self._link_states(), losses, now_s=now_s)
                situation.hub.publish("status", status, t_obs=None, t_srv=time.time())
            if now_s >= next_coverage:
                next_coverage = now_s + _COVERAGE_S
                situation.hub.publish("coverage", situation.coverage_json(), t_obs=None, t_srv=time.time())
                situation.incident.journal.flush()
            await asyncio.sleep(_TICK_S)

    async def _replay(self, folder: Path) -> None:
        """The recorded journal beside its telemetry: each frame when the recording has reached its time."""
        journal = Journal(folder / "journal.sqlite")
        surroundings: Surroundings | None = None
        try:
            for entry in journal.entries("surroundings", "frame"):
                if entry.kind == "surroundings":
                    surroundings = surroundings_from_json(entry.payload, folder)
                    continue
                while self._before(entry.time_s):  # noqa: ASYNC110 the recording's clock has no event
                    await asyncio.sleep(_TICK_S)
                if surroundings is not None:
                    self.situation.replay(FrameObservation.from_json(entry.payload), surroundings)
        finally:
            journal.close()

    def _before(self, time_s: float) -> bool:
        """Whether the played recording has not reached this time yet; false once it has ended."""
        return (self.situation.replay_utc_s or 0.0) < time_s and any(self._link_states().values())

    def _replay_time(self) -> None:
        played = [link.played_s for link in self.links if isinstance(link, LogLink) and link.played_s is not None]
        if played:
            self.situation.replay_utc_s = max(played)


async def _as_task(world: Callable[[], Awaitable[None]]) -> None:
    await world()


async def _serve(server: uvicorn.Server, listener: socket.socket) -> None:
    await server.serve(sockets=[listener])
