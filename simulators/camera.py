"""A thermal camera that renders what it would see from where it truly is.

It learns where it is from a truth link alone: SIM_STATE with the ATTITUDE beside it (whose boot time it takes, for
SIM_STATE has none) and the gimbal's true attitude. Frames are exposed every FRAME_S of the camera's own clock, between
two truths, and stamped on it. That clock is the vehicle's boot clock, as in a camera that is synchronised to its
autopilot, unless `camera_options` says how far it is off; they also say what else goes wrong on the way: exposure after
the stamp, rows one after the other, frames that are lost or late. As a MAVLink component it is a `CameraComponent`.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from typing import Any

import numpy as np
from pymavlink.dialects.v20 import ardupilotmega as mavlink

from missions.geometry.camera import CameraProfile
from simulators.camera_component import CAMERA_COMPONENT, CameraComponent
from simulators.camera_options import ORDINARY, CameraOptions
from simulators.geodesy import Floats, Plane, rotation, small_rotation
from simulators.rolling import Rolling
from simulators.thermal import PROFILE, Counts, Eye, InView, Renderer, Sensor

__all__ = ["CAMERA_COMPONENT", "FRAME_S", "Camera", "Shot", "Truth", "TruthListener"]

FRAME_S = 0.1
_ENU_FROM_NED = np.array([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, -1.0]])
_MOUNT_FROM_CAMERA = np.array([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])


@dataclass(frozen=True, slots=True)
class Truth:
    """Where the vehicle truly is at a boot time: east-north-up metres (up above sea level), heading, radians."""

    boot_s: float
    enu: tuple[float, float, float]
    yaw: float


@dataclass(frozen=True, slots=True, eq=False)
class Shot:
    """One frame: its stamp in boot time as the camera believes it, and counts (h, w) uint16.

    For the score alone: the fires and the ground in it, and the boot time when its middle row was really exposed.
    """

    boot_s: float
    counts: Counts
    in_view: tuple[InView, ...]
    ground_en: Floats | None = None
    exposed_s: float = math.nan


class Camera:
    """Exposes a frame every FRAME_S of its own clock; ``component`` is how others meet it."""

    def __init__(
        self,
        renderer: Renderer,
        seed: int,
        *,
        sysid: int = 1,
        profile: CameraProfile = PROFILE,
        options: CameraOptions = ORDINARY,
    ) -> None:
        rng = np.random.default_rng([seed, 9 if sysid == 1 else 900 + sysid])
        self.component = CameraComponent(profile, 1 / FRAME_S, sysid=sysid, options=options)
        self.dropped = 0
        tilt, about = profile.boresight_sigma_deg, profile.boresight_yaw_sigma_deg
        off = np.radians(rng.normal(0.0, 1.0, 3) * (tilt, tilt, about))
        self._mount_from_camera: Floats = _MOUNT_FROM_CAMERA @ small_rotation(*(float(a) for a in off))
        self._renderer, self._options = renderer, options
        self._rolling = Rolling(renderer, options.readout_s) if options.readout_s > 0.0 else None
        self._sensor = Sensor(profile, seed if sysid == 1 else seed + 1000 * sysid)
        self._accidents = np.random.default_rng([seed, 13, sysid])
        self._truths: deque[Truth] = deque(maxlen=100)
        self._mounts: deque[tuple[float, Floats]] = deque(maxlen=100)
        self._next_s: float | None = None
        self._held: deque[tuple[float, Shot]] = deque()

    # --- time -------------------------------------------------------------------------------------------------------

    def clock_s(self, boot_s: float) -> float:
        """What the camera's clock shows at a boot time of the vehicle."""
        drift = 1.0 + self._options.clock_drift_ppm * 1e-6
        return boot_s * drift + self._options.clock_offset_s

    def _boot_s(self, clock_s: float) -> float:
        return (clock_s - self._options.clock_offset_s) / (1.0 + self._options.clock_drift_ppm * 1e-6)

    def step(self, now_s: float) -> None:
        """The component lives on: a steady clock for its heartbeat."""
        self.component.step(now_s, self.clock_s(self._truths[-1].boot_s) if self._truths else 0.0)

    # --- pictures ---------------------------------------------------------------------------------------------------

    def tell_truth(self, truth: Truth) -> None:
        """The vehicle's true place; boot times that go backwards begin anew (a reboot)."""
        if self._truths and truth.boot_s < self._truths[-1].boot_s:
            self._truths.clear()
            self._mounts.clear()
            self._held.clear()
            self._next_s = None
        if not self._truths or truth.boot_s > self._truths[-1].boot_s:
            self._truths.append(truth)

    def tell_mount(self, boot_s: float, vehicle_from_mount: Floats) -> None:
        """The gimbal's true attitude in the levelled vehicle frame, (3, 3)."""
        self._mounts.append((boot_s, vehicle_from_mount))

    def expose(self, *, catch_up: bool) -> Shot | None:
        """The next frame that leaves the camera, or None. ``catch_up``: skip those that cannot be rendered in time."""
        if len(self._truths) < 2 or not self._mounts:
            return None
        latest = self._truths[-1].boot_s
        self._expose_due(latest, catch_up=catch_up)
        if self._held and self._held[0][0] <= latest:
            return self._held.popleft()[1]
        return None

    def _expose_due(self, latest: float, *, catch_up: bool) -> None:
        clock_s = self.clock_s(latest)
        if self._next_s is None or (catch_up and clock_s - self._next_s > 3 * FRAME_S):
            self._next_s = math.floor(clock_s / FRAME_S) * FRAME_S
        middle_s = self._boot_s(self._next_s) + self._options.exposure_lag_s
        if middle_s + self._options.readout_s / 2 > latest:
            return
        stamp_s, self._next_s = self._next_s, round(self._next_s + FRAME_S, 6)
        shot = self._shot(stamp_s, middle_s)
        if shot is None:
            return
        self.component.see(shot.counts)
        if self._happens(self._options.dropped):
            self.dropped += 1
            return
        leaves_s = latest + (self._options.late_s if self._happens(self._options.late) else 0.0)
        if self._held:
            leaves_s = max(leaves_s, self._held[-1][0])
        self._held.append((leaves_s, shot))

    def _happens(self, share: float) -> bool:
        return share > 0.0 and bool(self._accidents.random() < share)

    def _shot(self, stamp_s: float, at_s: float) -> Shot | None:
        eye = self._eye_at(at_s)
        if eye is None:
            return None
        frozen = self._sensor.expose(None, at_s)
        if frozen is not None:
            return Shot(stamp_s, frozen, (), exposed_s=at_s)
        look = self._renderer.look(eye, at_s)
        radiance, in_view = look.radiance, look.in_view
        if self._rolling is not None:
            radiance, in_view = self._rolling.read_out(radiance, in_view, at_s, self._eye_at)
        counts = self._sensor.expose(radiance, at_s)
        return None if counts is None else Shot(stamp_s, counts, in_view, look.ground_en, at_s)

    def _eye_at(self, boot_s: float) -> Eye | None:
        truths = list(self._truths)
        after = next((i for i, truth in enumerate(truths) if truth.boot_s >= boot_s), None)
        if after is None or (after == 0 and truths[0].boot_s > boot_s):
            return None
        b = truths[after]
        a = truths[max(0, after - 1)]
        share = 1.0 if b.boot_s == a.boot_s else (boot_s - a.boot_s) / (b.boot_s - a.boot_s)
        enu = np.array(a.enu) + share * (np.array(b.enu) - np.array(a.enu))
        turn = (b.yaw - a.yaw + math.pi) % (2 * math.pi) - math.pi
        mount = min(self._mounts, key=lambda pair: abs(pair[0] - boot_s))[1]
        ned_from_mount = rotation(0.0, 0.0, a.yaw + share * turn) @ mount
        return Eye(enu, _ENU_FROM_NED @ ned_from_mount @ self._mount_from_camera)


class TruthListener:
    """Pairs the SIM_STATE and ATTITUDE of a truth link into ``Truth``.

    SIM_STATE has no time of its own. The vehicle sends it right behind the ATTITUDE of the same instant (measured on
    ArduCopter 4.7-dev: p99 1.1 ms behind, never before), so it takes the boot time of the last ATTITUDE, once.
    """

    def __init__(self, plane: Plane) -> None:
        self._plane = plane
        self._parser = mavlink.MAVLink(None)
        self._parser.robust_parsing = True
        self._boot_s: float | None = None

    def receive(self, data: bytes) -> list[Truth]:
        """Truths from the bytes of a truth link, in order."""
        truths = []
        for message in self._parser.parse_buffer(data) or ():
            kind = message.get_type()
            if kind == "ATTITUDE":
                self._boot_s = message.time_boot_ms * 1e-3
            elif kind == "SIM_STATE" and self._boot_s is not None:
                truths.append(self._truth(message, self._boot_s))
                self._boot_s = None
        return truths

    def _truth(self, m: Any, boot_s: float) -> Truth:
        # The float fields of SIM_STATE are too coarse for a place; the integer ones are degrees times 1e7.
        e, n, u = (float(value) for value in self._plane.enu(m.lat_int * 1e-7, m.lon_int * 1e-7, m.alt))
        return Truth(boot_s, (e, n, u + self._plane.alt_m), m.yaw)
