"""The autopilot's wires: each with its own sequence, stream rates and heartbeat, as on the real one.

Kinds by the beginning of the name: ``ground`` (a ground station), ``device`` (camera, gimbal) and ``truth``, which
carries SIM_STATE. Heartbeats and camera messages of a device are forwarded to the ground links; the gimbal's attitude
is not, it is re-sent as the autopilot's own.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pymavlink.dialects.v20 import ardupilotmega as mavlink

from simulators.autopilot import messages, mount
from simulators.autopilot.signing import Parser, Signing

if TYPE_CHECKING:
    from simulators.autopilot.core import Autopilot

# In this order: a SIM_STATE follows the ATTITUDE of its instant.
TRUTH_RATES = {"ATTITUDE": 50.0, "SIM_STATE": 50.0}
GIMBAL, CAMERA = 154, 100
# Without a target they are for everybody.
_FORWARDED = frozenset(
    {
        *("HEARTBEAT", "CAMERA_INFORMATION", "CAMERA_IMAGE_CAPTURED", "CAMERA_SETTINGS", "CAMERA_CAPTURE_STATUS"),
        *("STORAGE_INFORMATION", "VIDEO_STREAM_INFORMATION", "VIDEO_STREAM_STATUS", "CAMERA_THERMAL_RANGE"),
    }
)
_TIMESYNC_S = 10.0
_CHUNK = 50


@dataclass(slots=True)
class Link:
    """One wire: what is asked of it (``rates`` in hertz by message name; ``asked`` once) and the frames that
    wait (``out``)."""

    name: str
    parser: Any
    encoder: Any
    rates: dict[str, float] = field(default_factory=dict)
    due_s: dict[str, float] = field(default_factory=dict)
    out: list[bytes] = field(default_factory=list)
    asked: list[Any] = field(default_factory=list)
    timesync_s: float = _TIMESYNC_S

    def send(self, message: Any) -> None:
        """Pack a message as the next of this wire's sequence."""
        self.out.append(bytes(message.pack(self.encoder)))
        self.encoder.seq = (self.encoder.seq + 1) % 256

    def acknowledge(self, ack: Any) -> None:
        """The ACK of a command, and only then what it ``asked`` for: ArduPilot sends that in its next loop."""
        self.send(ack)
        asked, self.asked = self.asked, []
        for message in asked:
            self.send(message)

    def set_streams(self, m: Any) -> None:
        """REQUEST_DATA_STREAM."""
        for name in messages.DATA_STREAMS.get(m.req_stream_id, ()):
            if m.start_stop and m.req_message_rate:
                self.rates[name] = float(m.req_message_rate)
            else:
                self.rates.pop(name, None)


class Links:
    """All wires of one vehicle, and by which of them its components (``components``: id to wire) are reached."""

    def __init__(self, sysid: int) -> None:
        self.sysid = sysid
        self.components: dict[int, Link] = {}
        self._wires: dict[str, Link] = {}
        self._others: dict[str, set[int]] = {}
        self._text_id = 0
        self._signing = Signing()

    def __getitem__(self, name: str) -> Link:
        return self._wires[name]

    def add(self, name: str) -> None:
        """A wire; its kind is the beginning of its name."""
        parser = Parser(None)
        parser.robust_parsing = True
        link = Link(name, parser, mavlink.MAVLink(None, srcSystem=self.sysid, srcComponent=1))
        link.rates = {"HEARTBEAT": 1.0}
        if name.startswith("truth"):
            link.rates |= TRUTH_RATES
        self._wires[name] = link

    def keep(self, former: Links) -> None:
        """The wires of a former life and its signing key; nothing of what was asked or heard on them."""
        self._signing = former._signing
        for name, wire in former._wires.items():
            self.add(name)
            self._wires[name].parser.signing = self._wires[name].encoder.signing = wire.parser.signing

    def set_up_signing(self, message: Any) -> None:
        """SETUP_SIGNING, for all wires."""
        self._signing.set_up(message, self._wires.values())

    def keep_up(self, utc_s: float) -> None:
        """The receiver's time, for signatures."""
        self._signing.keep_up(utc_s, self._wires.values())

    @staticmethod
    def parse(wire: Link, data: bytes) -> Iterator[Any]:
        """The messages in bytes from a wire; garbage is skipped."""
        for message in wire.parser.parse_buffer(data) or ():
            kind = message.get_type()
            if kind != "BAD_DATA" and not kind.startswith("UNKNOWN_"):
                yield message

    def broadcast(self, message: Any) -> None:
        """To every ground station."""
        for wire in self._wires.values():
            if wire.name.startswith("ground"):
                wire.send(message)

    def broadcast_text(self, severity: int, text: str) -> None:
        """STATUSTEXT; a long one in chunks that an id holds together."""
        chunks = [text[at : at + _CHUNK].encode() for at in range(0, max(1, len(text)), _CHUNK)]
        self._text_id = self._text_id % 65_535 + 1
        for seq, chunk in enumerate(chunks):
            number = self._text_id if len(chunks) > 1 else 0
            self.broadcast(mavlink.MAVLink_statustext_message(severity, chunk, number, seq))

    def forward(self, message: Any, to: str, *, besides: str = "") -> None:
        """A frame as it came to all wires of a kind."""
        frame = bytes(message.get_msgbuf())
        for wire in self._wires.values():
            if wire.name.startswith(to) and wire.name != besides:
                wire.out.append(frame)

    def meet(self, sysid: int, wire: Link) -> None:
        """A system is behind a wire."""
        self._others.setdefault(wire.name, set()).add(sysid)

    def pass_on(self, message: Any, wire: Link) -> None:
        """What is meant for another system, to the wires where that one has been heard."""
        frame = bytes(message.get_msgbuf())
        for name, systems in self._others.items():
            if name != wire.name and message.target_system in systems:
                self._wires[name].out.append(frame)

    def hear_device(self, message: Any, wire: Link) -> None:
        """What a component of this vehicle says: where it is, and onwards to the ground stations."""
        kind, device = message.get_type(), wire.name.startswith("device")
        if kind == "HEARTBEAT" and device:
            self.components[message.get_srcComponent()] = wire
        # An answer to a ground station's question, not to the autopilot's own.
        for_others = kind == "COMMAND_ACK" and message.target_system not in (0, self.sysid)
        if device and (kind in _FORWARDED or for_others):
            self.forward(message, "ground")

    def ask_devices(self) -> None:
        """Gimbal and camera are asked who they are."""
        wanted = {
            GIMBAL: mavlink.MAVLINK_MSG_ID_GIMBAL_DEVICE_INFORMATION,
            CAMERA: mavlink.MAVLINK_MSG_ID_CAMERA_INFORMATION,
        }
        for component, wire in self.components.items():
            if component in wanted:
                self._order(wire, component, mavlink.MAV_CMD_REQUEST_MESSAGE, wanted[component])

    def order_picture(self) -> None:
        """To the camera component, if there is one."""
        self.order_camera(mavlink.MAV_CMD_IMAGE_START_CAPTURE, 0, 0, 1)

    def order_camera(self, command: int, *params: float) -> bool:
        """A command of the autopilot's own to the camera component; false without one."""
        if CAMERA not in self.components:
            return False
        self._order(self.components[CAMERA], CAMERA, command, *params)
        return True

    def _order(self, wire: Link, component: int, command: int, *params: float) -> None:
        seven = [*params, *[0.0] * 7][:7]
        wire.send(mavlink.MAVLink_command_long_message(self.sysid, component, command, 0, *seven))

    def stream(self, vehicle: Autopilot) -> None:
        """What is due on each wire now."""
        for wire in self._wires.values():
            self._stream(wire, vehicle)

    def _stream(self, wire: Link, vehicle: Autopilot) -> None:
        now_s = vehicle.now_s
        for kind, hz in wire.rates.items():
            due = wire.due_s.get(kind, 0.0)
            if now_s + 1e-9 < due:
                continue
            wire.due_s[kind] = max(due + 1.0 / hz, now_s)
            message = messages.BUILDERS[kind](vehicle)
            if message is not None:
                wire.send(message)
        if self.components.get(GIMBAL) is wire:
            for message in mount.orders(vehicle):
                wire.send(message)
        if wire.name.startswith("ground") and now_s >= wire.timesync_s:
            wire.timesync_s = now_s + _TIMESYNC_S
            wire.send(mavlink.MAVLink_timesync_message(0, round(now_s * 1e9)))
