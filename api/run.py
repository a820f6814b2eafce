"""The ground side of one incident as one task group: pump the links, watch the cameras, serve the page.

A task that dies takes the group down loudly; the recording is closed in any case. SIGTERM, SIGINT and a terminal that
is closed end it in order.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import sys
import time
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import uvicorn

from api.cog import CogError
from api.conductor import Conductor
from api.eye import Eye
from api.playback import Playback
from api.routes.app import create_app, served_names
from api.settings import TOLD, Settings
from api.signing_store import save as save_signing
from api.situation import Situation
from api.store.incident import Incident, write_basemap, write_facts
from ground_station.camera import stream_url
from ground_station.link import Link, LinkError, LogLink, open_link
from ground_station.pump import Pump
from imagery.frame import Frame
from imagery.sources import CameraSource, SourceError, VideoFile, open_camera
from missions.geometry.terrain import TerrainGrid
from missions.geometry.terrain_files import read_terrain

_TICK_S = 0.05
_STATUS_S = 0.5
_COVERAGE_S = 1.0
_VEHICLE_S = 0.2
_SIGNING_S = 5.0
_STREAM_S = 0.2

# What the person at the terminal is told of a demonstration's flight.
_CONDUCTED = {
    "guided": "Drohne ist bereit, Modus GUIDED",
    "upload": "Auftrag wird hochgeladen und zurückgelesen",
    "arm": "Motoren werden scharf geschaltet",
    "flying": "Drohne fliegt den Auftrag ab",
    "landed": "Drohne ist gelandet",
}

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
    links = [open_link(url) for url in settings.links]
    forwards = [open_link(url) for url in settings.forwards]
    cameras = {
        camera.camera: open_camera(camera.url, camera.vehicle, camera.camera, band=camera.profile.band)
        for camera in settings.cameras
        if camera.url not in ("", TOLD)
    }
    listener = listening_socket(settings.host, settings.port)
    try:
        for link in links:
            await _open(link, settings.replay_speed)
        for forward in forwards:
            await _open(forward, 1.0)
        if extras.on_opened is not None:
            extras.conductor = await extras.on_opened(links)
        return await _recorded(settings, extras, terrain, listener, links, forwards, cameras)
    finally:
        listener.close()
        for link in (*links, *forwards):
            await link.close()


async def _open(link: Link, speed: float) -> None:
    if isinstance(link, LogLink):
        link.speed = speed
        await link.open()
        return
    try:
        await link.open()
    except LinkError as error:  # the wish was understood; the machine could not do it
        raise RunError(str(error)) from error


async def _recorded(
    settings: Settings,
    extras: Extras,
    terrain: TerrainGrid | None,
    listener: socket.socket,
    links: list[Link],
    forwards: list[Link],
    cameras: dict[str, CameraSource],
) -> int:
    try:
        incident = Incident.create(settings.folder, settings.terrain)
    except OSError as error:
        why = error.strerror or error
        raise RunError(f"nothing can be recorded in {settings.folder} ({why}): give --data another folder") from error
    facts = {"name": settings.name, "title": settings.title, "mode": settings.mode, "started_s": time.time()}
    write_facts(settings.folder, **facts)  # type: ignore[arg-type]
    write_basemap(settings.folder, settings.basemap)
    incident.journal.append("start", time.time(), 0, facts)
    incident.log.write("start", mode=settings.mode, links=settings.links, cameras=list(cameras))
    situation = Situation(settings, incident, terrain)
    runner = _Runner(settings, extras, situation, links, forwards, listener, cameras)
    try:
        return await runner.run()
    finally:
        for eye in situation.eyes.values():
            if eye.recorder is not None:
                eye.recorder.close()
        situation.mapper.close()
        try:
            written = situation.mapper.save(settings.folder, now_s=situation.utc_s)
            incident.log.write("map", files=[path.name for path in written], lost=situation.mapper.lost)
        except CogError as error:
            incident.log.write("map", error=str(error))
        lost = {"not_recorded": situation.not_recorded}
        incident.journal.append("stop", time.time(), incident.telemetry.offset, lost)
        incident.log.write("stop", **lost)
        incident.close()


class _Runner:
    def __init__(
        self,
        settings: Settings,
        extras: Extras,
        situation: Situation,
        links: list[Link],
        forwards: list[Link],
        listener: socket.socket,
        cameras: dict[str, CameraSource],
    ) -> None:
        self.settings, self.extras, self.situation = settings, extras, situation
        self.links, self.listener, self.cameras = links, listener, cameras
        self._end = asyncio.Event()
        self._pump = Pump(
            situation.station,
            links,
            situation.incident.telemetry,
            by_link=situation.incident.record_links([link.name for link in links]),
            forwards=forwards,
            rejected=situation.incident.keep_rejected if settings.keep_rejected else None,
        )
        self._log = situation.incident.log.write
        self._states: dict[str, str] = {}
        self._conducted: Conductor | None = None
        self._told = 0
        self._next_signing_s = 0.0

    async def run(self) -> int:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            if signal.getsignal(number) is not signal.SIG_IGN:  # nohup: it shall outlive its terminal
                loop.add_signal_handler(number, self._end.set)
        server = self._server()
        failures: list[BaseException] = []
        try:
            async with asyncio.TaskGroup() as group:
                work = [group.create_task(task, name=name) for name, task in self._work(server).items()]
                if self.extras.started is not None:
                    while not server.started and not any(task.done() for task in work):  # noqa: ASYNC110 no event for it
                        await asyncio.sleep(0.01)
                    address = f"http://{self.settings.host}:{self.listener.getsockname()[1]}"
                    await self.extras.started(self.situation, address)
                await self._until_end()
                server.should_exit = True
                for task in work:
                    if task.get_name() != "web":
                        task.cancel()
        except* Exception as failed:  # whatever died: the recording is closed, and it is said aloud
            failures += _leaves(failed)
        for error in failures:
            self._log("task died", error=repr(error), trace="".join(traceback.format_exception(error)))
            known = isinstance(error, (LinkError, RuntimeError, OSError))
            what = str(error) if known else f"internal mistake {error!r}; log.jsonl of the incident has the details"
            print(f"einsatzdrohne: {what}", file=sys.stderr)
        return 1 if failures else 0

    def _work(self, server: uvicorn.Server) -> dict[str, Coroutine[Any, Any, None]]:
        """All that runs side by side, by name."""
        work = {"links": self._pump_links(), "ticks": self._ticks(), "web": _serve(server, self.listener)}
        eyes = self.situation.eyes
        work |= {f"camera {camera}": self._watch(eyes[camera], source) for camera, source in self.cameras.items()}
        work |= {f"camera {eye.camera}": self._watch_told(eye) for eye in eyes.values() if eye.setting.url == TOLD}
        if self.extras.replayed is not None:
            playback = Playback(self.extras.replayed, self.situation, lambda: any(self._link_states().values()))
            work["journal"] = playback.journal()
            work |= {f"video {eye.camera}": playback.video(eye) for eye in eyes.values() if not eye.setting.url}
        if self.extras.world is not None:
            work["world"] = _as_task(self.extras.world)
        return work

    async def _until_end(self) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._end.wait(), self.extras.seconds)

    def _server(self) -> uvicorn.Server:
        app = create_app(self.situation, self._link_states, hosts=served_names(self.settings.host))
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

    async def _watch_told(self, eye: Eye) -> None:
        """A camera that names its stream itself, once it has."""
        profile, component = eye.setting.profile, int(eye.camera.rpartition("/")[2])
        eye.reason = "no_answer"
        url = None
        while url is None:
            await asyncio.sleep(_STREAM_S)
            vehicle = self.situation.station.vehicles.get(eye.setting.vehicle)
            camera = vehicle.state.cameras.get(component) if vehicle else None
            if camera is not None and camera.streams:
                url = stream_url(camera, profile.width, profile.height)
                told = ", ".join(stream.url for stream in camera.streams.values())
                eye.reason = "" if url else f"the camera names {told}, which is not followed: give --camera"
        self._log("camera", camera=eye.camera, stream=url)
        source = open_camera(url, eye.setting.vehicle, eye.camera, band=profile.band)
        self.cameras[eye.camera] = source
        await self._watch(eye, source)

    async def _watch(self, eye: Eye, source: CameraSource) -> None:
        loop = asyncio.get_running_loop()
        with ThreadPoolExecutor(1, thread_name_prefix=f"eye {eye.camera}") as worker:
            try:
                async for frame in _in_time(source):
                    received_s = source.last_frame_at_s
                    look = await loop.run_in_executor(worker, eye.look, frame)
                    eye.dropped = source.dropped
                    self.situation.looked(eye, look, now_s=time.monotonic(), received_s=received_s)
                eye.reason = source.reason or "the recording has ended"
            except SourceError as error:
                eye.reason = str(error)
                self._log("camera", camera=eye.camera, error=str(error))
            finally:
                source.close()

    async def _ticks(self) -> None:
        situation = self.situation
        next_vehicle = next_status = next_coverage = 0.0
        while True:
            now_s = time.monotonic()
            self._replay_time()
            situation.place_ready(now_s=now_s)
            self._conduct(now_s)
            if now_s >= next_vehicle:
                next_vehicle = now_s + _VEHICLE_S
                situation.publish_vehicles(now_s=now_s)
            if now_s >= next_status:
                next_status = now_s + _STATUS_S
                losses = {link.name: link.dropped for link in self.links}
                for camera, source in self.cameras.items():
                    situation.eyes[camera].reason = source.reason or situation.eyes[camera].reason
                situation.link_troubles = {link.name: link.trouble for link in self.links}
                status = situation.status(self._link_states(), losses, now_s=now_s)
                situation.hub.publish("status", status, t_obs=None, t_srv=time.time())
                self._note_changes(status["sources"])
            if now_s >= next_coverage:
                next_coverage = now_s + _COVERAGE_S
                situation.hub.publish("coverage", situation.coverage_json(), t_obs=None, t_srv=time.time())
                situation.incident.journal.flush()
                await self._keep_signing(now_s)
            await asyncio.sleep(_TICK_S)

    async def _keep_signing(self, now_s: float) -> None:
        """The time stamp of our signatures to the disk: it must not go back over a restart."""
        signing = self.situation.station.signing
        if signing is None or now_s < self._next_signing_s:
            return
        self._next_signing_s = now_s + _SIGNING_S
        try:
            await asyncio.to_thread(save_signing, self.settings.folder.parent.parent, signing)
        except OSError as error:
            self._log("signing", error=f"its time stamp cannot be kept ({error.strerror})")

    def _conduct(self, now_s: float) -> None:
        conductor = self.extras.conductor
        if conductor is None:
            return
        if conductor is not self._conducted:
            self._conducted, self._told = conductor, 0
        conductor.tick(self.situation.station, now_s=now_s)
        self._pump.flush()
        for line in conductor.log[self._told :]:
            self._log("conductor", text=line)
            if (words := _CONDUCTED.get(line.removeprefix("phase: "))) or line.startswith("failed"):
                print(f"Demo: {words or line}", flush=True)
        self._told = len(conductor.log)

    def _note_changes(self, sources: list[dict[str, Any]]) -> None:
        for source in sources:
            key, state = source["id"], f"{source['state']} {source['text']} {source['reason']}".strip()
            if self._states.get(key) != state:
                self._log("source", id=key, state=source["state"], text=source["text"], reason=source["reason"])
            self._states[key] = state

    def _replay_time(self) -> None:
        played = [link.played_s for link in self.links if isinstance(link, LogLink) and link.played_s is not None]
        if played:
            self.situation.replay_utc_s = max(played)


def _leaves(group: BaseExceptionGroup[Any]) -> list[BaseException]:
    return [e for one in group.exceptions for e in (_leaves(one) if isinstance(one, BaseExceptionGroup) else [one])]


async def _in_time(source: CameraSource) -> AsyncIterator[Frame]:
    """The frames of a live source as they come, those of a video file in the rhythm of their stamps."""
    begin_s, first_s = time.monotonic(), None
    async for frame in source.frames():
        if isinstance(source, VideoFile):
            first_s = frame.stamp_s if first_s is None else first_s
            await asyncio.sleep(max(0.0, frame.stamp_s - first_s - (time.monotonic() - begin_s)))
        yield frame


async def _as_task(world: Callable[[], Awaitable[None]]) -> None:
    await world()


async def _serve(server: uvicorn.Server, listener: socket.socket) -> None:
    await server.serve(sockets=[listener])
