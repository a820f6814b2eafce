"""The camera's RTSP server: the sockets around `rtsp`, one encoder for all who watch.

It listens on loopback. A picture is encoded when somebody plays, a new viewer begins with a key frame that is made for
it, and one that reads too slowly loses pictures up to the next key frame: never a part of one, for what follows a hole
is garbage until then. One that does not read at all is cut off after STALLED_S.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import socket
from dataclasses import dataclass

from simulators.agc import Grey
from simulators.h264 import IDR, RTP_HZ, Encoder, kind_of
from simulators.rtp import RtpSender, interleaved
from simulators.rtsp import CLOSED, PLAYING, Offer, RtspConnection

MOST_VIEWERS = 8
STALLED_S = 10.0
_LOOPBACK = "127.0.0.1"
# What may wait for a slow reader: in the kernel (which takes twice of what it is told), and before it.
_KERNEL_BYTES, _BACKLOG_BYTES = 100_000, 300_000
_REPORT_S = 5.0


@dataclass(slots=True, eq=False)
class _Viewer:
    connection: RtspConnection
    writer: asyncio.StreamWriter
    waits_for_key: bool = True
    stalled_since_s: float | None = None
    next_report_s: float = 0.0


class RtspServer:
    """``show`` pictures to all who play. ``now_s`` everywhere: seconds since the camera was switched on, rising."""

    def __init__(self, path: str, width: int, height: int, frames_per_s: float) -> None:
        self.port = 0
        self.skipped = 0
        self.refused = 0
        self._encoder = Encoder(width, height, frames_per_s)
        self._offer = Offer(path, self._encoder.parameter_sets, frames_per_s)
        self._viewers: set[_Viewer] = set()
        self._server: asyncio.Server | None = None
        self._last_ticks = -1
        self._now_s = 0.0

    @property
    def url(self) -> str:
        """Where it is pulled."""
        return f"rtsp://{_LOOPBACK}:{self.port}/{self._offer.path}"

    @property
    def watched(self) -> bool:
        """Whether a picture would be sent to anybody."""
        return any(viewer.connection.state == PLAYING for viewer in self._viewers)

    async def start(self, port: int) -> None:
        """Listen; 0 for a free port. Raises OSError for a taken one."""
        self._server = await asyncio.start_server(self._serve, _LOOPBACK, port, limit=2**16)
        self.port = self._server.sockets[0].getsockname()[1]

    def stop(self) -> None:
        """Say goodbye and hang up."""
        if self._server is not None:
            self._server.close()
        for viewer in list(self._viewers):
            if viewer.connection.state == PLAYING:
                viewer.writer.write(interleaved(viewer.connection.channels[1], viewer.connection.sender.goodbye()))
            viewer.writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _KERNEL_BYTES)
        sender = RtpSender(secrets.randbits(32), secrets.randbits(16), secrets.randbits(32))
        connection = RtspConnection(self._offer, sender, secrets.token_hex(8), self._now_s)
        viewer = _Viewer(connection, writer)
        if len(self._viewers) >= MOST_VIEWERS:
            self.refused += 1
            connection.refuse(503)
        self._viewers.add(viewer)
        try:
            while connection.state != CLOSED:
                data = await reader.read(4096)
                if not data:
                    break
                before = connection.state
                connection.receive(data, self._now_s)
                viewer.waits_for_key |= before != PLAYING
                writer.write(connection.take_outgoing())
                await writer.drain()
            writer.write(connection.take_outgoing())
        except (ConnectionError, asyncio.CancelledError):
            return
        finally:
            self._viewers.discard(viewer)
            writer.close()

    def tick(self, now_s: float) -> None:
        """Reports that are due; clients that have been silent or stuck for too long are sent away."""
        self._now_s = now_s
        for viewer in list(self._viewers):
            connection = viewer.connection
            connection.tick(now_s)
            stuck = viewer.stalled_since_s is not None and now_s - viewer.stalled_since_s > STALLED_S
            if connection.state == CLOSED or stuck:
                with contextlib.suppress(RuntimeError):
                    viewer.writer.transport.abort()
            elif connection.state == PLAYING and now_s >= viewer.next_report_s:
                viewer.next_report_s = now_s + _REPORT_S
                viewer.writer.write(interleaved(connection.channels[1], connection.sender.sender_report(now_s)))

    def show(self, grey: Grey, now_s: float) -> None:
        """A picture (h, w) uint8 to everybody who plays."""
        ticks = max(round(now_s * RTP_HZ), self._last_ticks + 1)
        playing = [viewer for viewer in self._viewers if viewer.connection.state == PLAYING]
        if not playing:
            return
        self._last_ticks = ticks
        ready = [viewer for viewer in playing if self._has_room(viewer, now_s)]
        units = self._encoder.encode(grey, ticks, key=any(viewer.waits_for_key for viewer in ready))
        key = any(kind_of(unit) == IDR for unit in units)
        for viewer in playing:
            if viewer not in ready or (viewer.waits_for_key and not key):
                self.skipped += 1
                viewer.waits_for_key = True
                continue
            viewer.waits_for_key = False
            channel, sender = viewer.connection.channels[0], viewer.connection.sender
            viewer.writer.write(b"".join(interleaved(channel, packet) for packet in sender.packets(units, ticks)))

    @staticmethod
    def _has_room(viewer: _Viewer, now_s: float) -> bool:
        waiting = viewer.writer.transport.get_write_buffer_size()
        if waiting <= _BACKLOG_BYTES:
            viewer.stalled_since_s = None
            return True
        if viewer.stalled_since_s is None:
            viewer.stalled_since_s = now_s
        return False
