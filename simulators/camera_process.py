"""The camera as a process: the sockets around `camera`, `nut` and `rtsp`.

Its lossless counts go to any number of viewers as NUT over TCP, one muxer each; beside them, where it is asked for,
what people watch: 8-bit H.264 by RTSP.
"""

from __future__ import annotations

import argparse
import asyncio
import math
from typing import Any

import cv2
from pymavlink.dialects.v20 import ardupilotmega as mavlink

from simulators.agc import WhiteHot, zoomed
from simulators.camera import FRAME_S, Camera, Shot, TruthListener
from simulators.camera_component import CAMERA_COMPONENT, CameraComponent, Stream
from simulators.camera_options import ORDINARY, camera_options_of
from simulators.fire import Scene
from simulators.geodesy import matrix_of
from simulators.nut import NutMuxer
from simulators.one_process import LOOPBACK, say_ready, ticks, udp
from simulators.rtsp_process import RtspServer
from simulators.thermal import PROFILE, Renderer

# A viewer that is further behind than two raw frames loses the next one instead of getting it late.
_BACKLOG_BYTES = 2 * PROFILE.width * PROFILE.height * 2


class _Viewers:
    """The TCP clients of the video; one muxer each."""

    def __init__(self, camera: str) -> None:
        self._camera = camera
        self._clients: dict[asyncio.StreamWriter, NutMuxer] = {}
        self._shown_s = -math.inf
        self.skipped = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        vehicle = int(self._camera.split("/")[0])
        self._clients[writer] = NutMuxer(PROFILE, vehicle=vehicle, camera=self._camera, clock="vehicle-boot")
        try:
            while await reader.read(4096):
                continue
        except ConnectionError:
            return
        finally:
            self._clients.pop(writer, None)
            writer.close()

    def show(self, counts: Any, boot_s: float) -> None:
        if boot_s <= self._shown_s:  # the vehicle has rebooted; a stream's times only rise: whoever watches comes again
            for writer in self._clients:
                writer.close()
        self._shown_s = boot_s
        for writer, muxer in list(self._clients.items()):
            if writer.is_closing():
                continue
            if writer.transport.get_write_buffer_size() > _BACKLOG_BYTES:
                self.skipped += 1
                continue
            writer.write(muxer.frame(counts, boot_s))


async def run_camera(args: argparse.Namespace, scene: Scene) -> None:
    """The camera of one vehicle until it is cancelled. ``args``: see `endpoints`."""
    cv2.setNumThreads(1)
    options = camera_options_of(args.camera_options) if args.camera_options else scene.scenario.camera or ORDINARY
    camera = Camera(Renderer(scene), args.seed, sysid=args.sysid, options=options)
    component = camera.component
    wire = await udp(component.receive, port=args.port)
    await _hear_truth(camera, scene, args)
    viewers = _Viewers(f"{args.sysid}/{CAMERA_COMPONENT}")
    server = await asyncio.start_server(viewers.serve, LOOPBACK, args.video)
    port = server.sockets[0].getsockname()[1]
    counts = Stream(f"tcp://{LOOPBACK}:{port}", for_people=False)
    screen = await _screen(args.rtsp, component)
    component.streams = (counts,) if screen is None else (screen.stream, counts)
    say_ready(video=port, rtsp=screen.stream.url if screen else "")
    async for elapsed_s in ticks():
        camera.step(elapsed_s)
        for frame in component.take_outgoing():
            wire.send(frame)
        shot = camera.expose(catch_up=True)
        if shot is not None and component.runs(counts):
            viewers.show(shot.counts, shot.boot_s)
        if screen is not None:
            screen.show(shot, elapsed_s)


class _Screen:
    """What people watch: the gain control, the zoom and the RTSP server."""

    def __init__(self, server: RtspServer, component: CameraComponent) -> None:
        self.stream = Stream(server.url, for_people=True)
        self._server, self._component, self._gain = server, component, WhiteHot()

    def show(self, shot: Shot | None, elapsed_s: float) -> None:
        """A frame, if there is one; stamped when it is sent: like others of its kind it does not say of when it is."""
        if shot is not None and self._server.watched and self._component.runs(self.stream):
            picture = zoomed(self._gain.picture(shot.counts, elapsed_s), self._component.zoom)
            self._server.show(picture, elapsed_s)
        self._server.tick(elapsed_s)


async def _hear_truth(camera: Camera, scene: Scene, args: argparse.Namespace) -> None:
    """Where the vehicle and the gimbal truly are, from links that nobody else hears."""
    listener = TruthListener(scene.plane)
    latest_boot_s = [0.0]

    def hear_truth(data: bytes) -> None:
        for truth in listener.receive(data):
            latest_boot_s[0] = truth.boot_s
            camera.tell_truth(truth)

    mounts = mavlink.MAVLink(None)
    mounts.robust_parsing = True

    def hear_mount(data: bytes) -> None:
        for message in mounts.parse_buffer(data) or ():
            if message.get_type() == "GIMBAL_DEVICE_ATTITUDE_STATUS":
                camera.tell_mount(latest_boot_s[0], matrix_of(*message.q))

    await udp(hear_truth, port=args.truth)
    await udp(hear_mount, port=args.mount)


async def _screen(wanted: str, component: CameraComponent) -> _Screen | None:
    """A screen at PORT/PATH; None for an empty word."""
    port, _, path = wanted.partition("/")
    if not port:
        return None
    server = RtspServer(path, PROFILE.width, PROFILE.height, 1 / FRAME_S)
    await server.start(int(port))
    return _Screen(server, component)
