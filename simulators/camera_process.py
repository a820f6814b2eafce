"""The camera as a process: the sockets around `camera`, `nut` and `rtsp`.

Its lossless counts go to any number of viewers as NUT over TCP, one muxer each; beside them, where it is asked for,
what people watch: 8-bit H.264 by RTSP.
"""

from __future__ import annotations

import argparse
import asyncio
from typing import Any

import cv2
from pymavlink.dialects.v20 import ardupilotmega as mavlink

from simulators.agc import WhiteHot
from simulators.camera import CAMERA_COMPONENT, FRAME_S, Camera, TruthListener
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
    camera = Camera(Renderer(scene), args.seed, sysid=args.sysid)
    wire = await udp(camera.receive, port=args.port)
    await _hear_truth(camera, scene, args)
    viewers = _Viewers(f"{args.sysid}/{CAMERA_COMPONENT}")
    server = await asyncio.start_server(viewers.serve, LOOPBACK, args.video)
    port = server.sockets[0].getsockname()[1]
    rtsp = await _rtsp_server(args.rtsp)
    camera.video_url = f"tcp://{LOOPBACK}:{port}"
    say_ready(video=port, rtsp=rtsp.url if rtsp else "")
    gain = WhiteHot()
    async for elapsed_s in ticks():
        camera.beat(elapsed_s)
        for frame in camera.take_outgoing():
            wire.send(frame)
        shot = camera.expose(catch_up=True)
        if shot is not None:
            viewers.show(shot.counts, shot.boot_s)
        if rtsp is None:
            continue
        if shot is not None and rtsp.watched:
            # Stamped when it is sent: this camera, like others of its kind, does not say when it exposed.
            rtsp.show(gain.picture(shot.counts, elapsed_s), elapsed_s)
        rtsp.tick(elapsed_s)


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


async def _rtsp_server(wanted: str) -> RtspServer | None:
    """A server for PORT/PATH; None for an empty word."""
    port, _, path = wanted.partition("/")
    if not port:
        return None
    server = RtspServer(path, PROFILE.width, PROFILE.height, 1 / FRAME_S)
    await server.start(int(port))
    return server
