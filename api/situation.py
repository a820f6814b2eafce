"""The situation of one running incident: station and cameras in, journal and live picture out.

Everything here runs on the event loop's thread; only ``look`` (pixels) runs in a worker. What changes goes to the
journal first and to the hub second: nothing is shown that was not recorded, or counted as not recorded.
"""

from __future__ import annotations

import time
from collections import OrderedDict, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from api.freshness import Source, statement_key
from api.geojson import hotspot_feature, iso, ring_of
from api.live import Hub, VideoDesk
from api.settings import CameraSetting, Settings
from api.store.incident import Incident, surroundings_to_json
from api.store.video import VideoRecorder
from ground_station.clock_sync import ClockSync
from ground_station.station import Station
from ground_station.vehicle import Vehicle
from imagery.detect import Detections
from imagery.frame import Frame
from imagery.hotspots import Event, hotspot_id, properties
from imagery.incident import Picture, Surroundings, observe
from imagery.observe import FrameObservation, Observer, Seen
from imagery.overlay import STEPS, Legend, picture_of
from missions.geometry.geo import Datum, GeoPoint, LocalFrame
from missions.geometry.terrain import FlatGround, TerrainGrid

_TRACK_POINTS = 600
_TRACK_STEP_S = 0.5
_UPDATE_S = 0.5
_KEPT_PICTURES = 64
# A stream without exposure times: a latency of this order, with the wide sigma that its frames carry.
_UNSTAMPED_LATENCY_S = 0.2
_NO_TERRAIN_SIGMA_M = 5.0


@dataclass(slots=True)
class Eye:
    """One camera of the run, and how it stands."""

    setting: CameraSetting
    observer: Observer
    recorder: VideoRecorder
    camera: str
    clock: ClockSync = field(default_factory=ClockSync)
    frame_at_s: float | None = None
    changed_at_s: float | None = None
    looked_at_s: float | None = None
    looking_since_utc_s: float | None = None
    trouble: str = ""
    dropped: int = 0
    pictures: OrderedDict[str, bytes] = field(default_factory=OrderedDict)


@dataclass(frozen=True, slots=True)
class Look:
    """What the worker made of a frame: the detections, the picture for people."""

    seen: Seen
    jpeg: bytes
    legend: Legend


class Situation:
    """All that is known, and where it goes."""

    def __init__(self, settings: Settings, incident: Incident, terrain: TerrainGrid | None) -> None:
        self.settings, self.incident = settings, incident
        self.station = Station(beats=settings.beats and settings.mode != "wiedergabe")
        self.hub, self.desk = Hub(), VideoDesk()
        self.picture = Picture()
        self.surroundings: Surroundings | None = None
        self.eyes = {c.camera: self._eye(c) for c in settings.cameras}
        self.tracks: dict[int, deque[list[float]]] = {}
        self.started_utc_s = time.time()
        self.replay_utc_s: float | None = None
        self._terrain = terrain
        self._last_track_s: dict[int, float] = {}
        self._shown_s: dict[int, float] = {}
        if terrain is not None:
            self._set_surroundings_from(terrain)

    def _eye(self, setting: CameraSetting) -> Eye:
        recorder = VideoRecorder(self.incident.folder / "video", setting.camera)
        return Eye(setting, Observer(setting.profile), recorder, setting.camera)

    @property
    def mode(self) -> str:
        """einsatz, uebung, demo or wiedergabe."""
        return self.settings.mode

    # --- where we are -----------------------------------------------------------------------------------------------

    def _set_surroundings_from(self, terrain: TerrainGrid) -> None:
        corners = terrain.corners()
        lat = sum(corner[0] for corner in corners) / 4
        lon = sum(corner[1] for corner in corners) / 4
        low, _ = terrain.range_m()
        self._set_surroundings(Surroundings(terrain, LocalFrame(GeoPoint(lat, lon, low, terrain.datum)), {}))

    def _set_surroundings(self, found: Surroundings) -> None:
        profiles = {camera: eye.setting.profile for camera, eye in self.eyes.items()}
        self.surroundings = Surroundings(found.ground, found.frame, profiles)
        facts = surroundings_to_json(self.surroundings)
        self.incident.journal.append("surroundings", self.utc_s, self.incident.telemetry.offset, facts)

    def _find_surroundings(self) -> None:
        """Without a terrain file: the plane at home's height, with a doubt that says so."""
        for vehicle in self.station.vehicles.values():
            home, position = vehicle.state.home, vehicle.state.position
            if home is None or position is None:
                continue
            origin = GeoPoint(home.lat_deg, home.lon_deg, home.alt_amsl_m, Datum.SEA_LEVEL)
            ground = FlatGround(home.alt_amsl_m, Datum.SEA_LEVEL, _NO_TERRAIN_SIGMA_M)
            self._set_surroundings(Surroundings(ground, LocalFrame(origin), {}))
            return

    @property
    def utc_s(self) -> float:
        """UTC of the picture: now, or in a replay the recording's time."""
        return time.time() if self.replay_utc_s is None else self.replay_utc_s

    # --- frames -----------------------------------------------------------------------------------------------------

    def look(self, eye: Eye, frame: Frame) -> Look:
        """In the camera's worker thread: record, detect, draw."""
        seen = eye.observer.see(frame)
        eye.recorder.write(frame)
        jpeg, legend = picture_of(frame, seen.detections)
        return Look(seen, jpeg, legend)

    def looked(self, eye: Eye, look: Look, *, now_s: float) -> None:
        """Back on the loop: note it, show the picture, queue the result until its pose is known."""
        frame, refusal = look.seen.frame, look.seen.refusal
        eye.frame_at_s = now_s
        if frame.clock not in ("vehicle-boot", "utc"):
            eye.clock.arrival(frame.stamp_s, time.time())
        if refusal != "frozen":
            eye.changed_at_s = now_s
        eye.trouble = "frozen" if refusal == "frozen" and eye.observer.guard.frozen_in_a_row > 15 else ""
        if not refusal:
            eye.looked_at_s = now_s
            if eye.looking_since_utc_s is None:
                eye.looking_since_utc_s = self.utc_s
        if len(look.seen.detections):
            eye.pictures[frame.name] = look.jpeg
            while len(eye.pictures) > _KEPT_PICTURES:
                eye.pictures.popitem(last=False)
        eye.observer.wait_for_pose(look.seen, now_s=now_s)
        if not eye.trouble:
            self.desk.show(eye.camera, self._video_header(eye, frame, look), look.jpeg)

    def _video_header(self, eye: Eye, frame: Frame, look: Look) -> dict[str, Any]:
        legend = look.legend
        steps = [] if legend.min_c is None else [[at, f"#{b[2]:02x}{b[1]:02x}{b[0]:02x}"] for at, b in STEPS]
        return {
            "seq": frame.seq,
            "time_s": self._utc_of(eye, frame),
            "width": frame.width,
            "height": frame.height,
            "min_c": None if legend.min_c is None else round(legend.min_c, 1),
            "max_c": None if legend.max_c is None else round(legend.max_c, 1),
            "frozen": look.seen.refusal == "frozen",
            "mode": self.mode,
            "detections": boxes(look.seen.detections),
            "legend": steps,
        }

    def _utc_of(self, eye: Eye, frame: Frame) -> float | None:
        """UTC of exposure: the one place where a frame's clock becomes UTC."""
        vehicle = self.station.vehicles.get(frame.vehicle)
        if frame.clock == "utc":
            return frame.stamp_s
        if frame.clock == "vehicle-boot":
            return vehicle.clock.utc_from_boot(frame.stamp_s) if vehicle else None
        offset = eye.clock.offset
        if offset is None:
            return None
        host = vehicle.clock.host_offset_s if vehicle else None
        return frame.stamp_s + offset.offset_s - (host or 0.0) - _UNSTAMPED_LATENCY_S

    def place_ready(self, *, now_s: float) -> None:
        """Fold every frame whose pose is known now."""
        if self.surroundings is None:
            self._find_surroundings()
            if self.surroundings is None:
                return
        for eye in self.eyes.values():
            vehicle = self.station.vehicles.get(eye.setting.vehicle)
            if vehicle is None:
                continue
            poses = vehicle.track.poses(eye.setting.profile.mount)
            ready = eye.observer.take_ready(poses, lambda frame, eye=eye: self._utc_of(eye, frame), now_s=now_s)  # type: ignore[misc]
            for observation in ready:
                self._fold(eye, observation)

    def replay(self, observation: FrameObservation, surroundings: Surroundings) -> None:
        """One frame of a recorded journal, when its time has come."""
        if self.surroundings is not surroundings:
            self.surroundings, self.picture = surroundings, Picture()
            facts = surroundings_to_json(surroundings)
            self.incident.journal.append("surroundings", self.utc_s, self.incident.telemetry.offset, facts)
        self._fold(None, observation)

    def _fold(self, eye: Eye | None, observation: FrameObservation) -> None:
        assert self.surroundings is not None
        offset = self.incident.telemetry.offset
        self.incident.journal.append("frame", observation.time_s, offset, observation.to_json())
        self.picture, events = observe(self.picture, observation, self.surroundings)
        for event in events:
            self._happened(eye, event, observation)
        self._publish_footprint(observation)

    def _happened(self, eye: Eye | None, event: Event, observation: FrameObservation) -> None:
        hotspot = self.picture.memory.get(event.key)
        if event.what in ("merged", "forgotten"):
            if hotspot_id(event.key) in self.hub.hotspots:
                gone = {"id": hotspot_id(event.key), "why": event.what}
                self.incident.journal.append("gone", observation.time_s, self.incident.telemetry.offset, gone)
                self.hub.publish("hotspot_gone", gone, t_obs=observation.time_s, t_srv=time.time())
            return
        if hotspot is None or not hotspot.confirmed:
            return
        last = self._shown_s.get(event.key, -1e9)
        if event.what == "seen" and observation.time_s - last < _UPDATE_S:
            return
        self._shown_s[event.key] = observation.time_s
        self._show(eye, event, observation)

    def _show(self, eye: Eye | None, event: Event, observation: FrameObservation) -> None:
        hotspot = self.picture.memory.get(event.key)
        assert hotspot is not None and self.surroundings is not None
        facts = properties(hotspot, self.surroundings.frame)
        offset = self.incident.telemetry.offset
        if event.what == "confirmed" and eye is not None:
            self._keep_picture(eye, observation.picture)
        self.incident.journal.append("hotspot", observation.time_s, offset, facts)
        feature = hotspot_feature(facts, self.surroundings.frame, self.mode)
        now = time.time()
        self.hub.publish("hotspot", feature, t_obs=observation.time_s, t_srv=now)
        if event.what == "confirmed":
            alarm = {"id": f"alarm-{facts['id']}", "hotspot": facts["id"], "number": facts["number"], "mode": self.mode}
            alarm |= {"kind": "new_hotspot", "state": "active", "raised": iso(observation.time_s)}
            self.incident.journal.append("alarm", observation.time_s, offset, alarm)
            self.hub.publish("alarm", alarm, t_obs=observation.time_s, t_srv=now)

    def _keep_picture(self, eye: Eye, name: str) -> None:
        jpeg = eye.pictures.get(name)
        if jpeg is None:
            return
        try:
            (self.incident.folder / "frames" / name).write_bytes(jpeg)
        except OSError:
            eye.recorder.not_recorded += 1
            eye.recorder.ok = False

    def _publish_footprint(self, observation: FrameObservation) -> None:
        footprint = self.picture.footprints.get(observation.camera)
        if footprint is None or self.surroundings is None:
            return
        ring = None if footprint.ring_en is None else ring_of(self.surroundings.frame, footprint.ring_en)
        data = {"polygon": ring, "time_s": observation.time_s, "reason": footprint.reason, "mode": self.mode}
        topic = f"footprint/{observation.camera}"
        self.hub.publish(topic, data, t_obs=observation.time_s, t_srv=time.time())

    # --- what the page is told --------------------------------------------------------------------------------------

    def publish_vehicles(self, *, now_s: float) -> None:
        """Every vehicle's state, several times a second."""
        for vehicle in self.station.vehicles.values():
            data = self.vehicle_json(vehicle, now_s=now_s)
            self.hub.publish(f"vehicle/{vehicle.sysid}", data, t_obs=data["time_s"], t_srv=time.time())
            if data["lat_deg"] is None or now_s - self._last_track_s.get(vehicle.sysid, -1e9) < _TRACK_STEP_S:
                continue
            self._last_track_s[vehicle.sysid] = now_s
            track = self.tracks.setdefault(vehicle.sysid, deque(maxlen=_TRACK_POINTS))
            point = [data["lon_deg"], data["lat_deg"], data["time_s"] or self.utc_s]
            if not track or track[-1][2] < point[2]:
                track.append(point)
                self.hub.states[f"track/{vehicle.sysid}"] = list(track)

    def vehicle_json(self, vehicle: Vehicle, *, now_s: float) -> dict[str, Any]:
        """One vehicle as agreed with the page; what is unknown is null, never 0."""
        state = vehicle.state
        position = state.position
        age = state.age_s(now_s)
        above_ground, reason = self._height_above_ground(vehicle)
        return {
            "vehicle": vehicle.sysid,
            "mode_shown": self.mode,
            "time_s": vehicle.clock.utc_from_boot(position.boot_s) if position else None,
            "age_s": None if age is None else round(age, 2),
            "lat_deg": round(position.lat_deg, 7) if position else None,
            "lon_deg": round(position.lon_deg, 7) if position else None,
            "heading_deg": position.heading_deg if position else None,
            "height_above_ground_m": above_ground,
            "height_reason": reason,
            "height_above_home_m": round(position.height_above_home_m, 1) if position else None,
            "alt_amsl_m": round(position.alt_amsl_m, 1) if position else None,
            "ground_speed_m_s": None if state.ground_speed_m_s is None else round(state.ground_speed_m_s, 1),
            "mode": state.mode,
            "armed": state.armed,
            "landed": state.landed,
            "battery": None
            if state.battery is None
            else {
                "remaining_pct": state.battery.remaining_pct,
                "voltage_v": state.battery.voltage_v,
                "current_a": state.battery.current_a,
            },
            "gps": None
            if state.gnss is None
            else {"fix": state.gnss.fix, "satellites": state.gnss.satellites, "h_acc_m": state.gnss.h_acc_m},
            "mission": None
            if state.mission is None
            else {"current": state.mission.current, "total": state.mission.total, "state": state.mission.state},
            "texts": [text.text for text in state.texts[-5:]],
            "ekf_ok": state.position_ready,
        }

    def _height_above_ground(self, vehicle: Vehicle) -> tuple[float | None, str | None]:
        position = vehicle.state.position
        if position is None:
            return None, "height.no_position"
        if self._terrain is None:
            return None, "height.no_terrain"
        ground = float(self._terrain.height_at(position.lat_deg, position.lon_deg))
        if ground != ground:
            return None, "height.outside_terrain"
        return round(position.alt_amsl_m - ground, 1), None

    def sources(self, links: Mapping[str, bool], *, now_s: float) -> list[Source]:
        """Every source with its age. ``links``: name → whether the wire itself is up."""
        found = []
        for name, connected in links.items():
            ages = [
                vehicle.state.age_s(now_s)
                for vehicle in self.station.vehicles.values()
                if (route := self.station.route(vehicle.sysid)) and route[0] == name
            ]
            age = min((a for a in ages if a is not None), default=None)
            trouble = "" if connected else "disconnected"
            found.append(Source(f"link:{name}", "link", None, None, age, self._since(age), trouble=trouble))
        for vehicle in self.station.vehicles.values():
            position = vehicle.state.position
            age = None if position is None else now_s - position.at_s
            found.append(
                Source(f"telemetry:{vehicle.sysid}", "telemetry", vehicle.sysid, None, age, self._since(age))
            )
        for eye in self.eyes.values():
            found += self._camera_sources(eye, now_s)
        recording = self.recording_ok
        found.append(
            Source("recording", "recording", None, None, 0.0, self.utc_s, trouble="" if recording else "disk_full")
        )
        return found

    def _camera_sources(self, eye: Eye, now_s: float) -> list[Source]:
        video = None if eye.changed_at_s is None else now_s - eye.changed_at_s
        looked = None if eye.looked_at_s is None else now_s - eye.looked_at_s
        vehicle, camera = eye.setting.vehicle, eye.camera
        trouble = eye.trouble if video is not None and video > 3.0 else ""
        visible = eye.setting.profile.band == "visible"
        return [
            Source(f"video:{camera}", "video", vehicle, camera, video, self._since(video), trouble=trouble),
            Source(f"detection:{camera}", "detection", vehicle, camera, looked, self._since(looked), off=visible),
        ]

    def _since(self, age_s: float | None) -> float | None:
        return None if age_s is None else round(self.utc_s - age_s, 3)

    @property
    def recording_ok(self) -> bool:
        """Whether everything is being recorded."""
        video = all(eye.recorder.ok for eye in self.eyes.values())
        return video and self.incident.telemetry.ok and self.incident.journal.ok

    @property
    def not_recorded(self) -> int:
        """Records of all kinds that are on no disk."""
        video = sum(eye.recorder.not_recorded for eye in self.eyes.values())
        return video + self.incident.telemetry.not_recorded + self.incident.journal.not_recorded

    @property
    def detecting(self) -> bool:
        """Whether detection runs on at least one camera right now."""
        now_s = time.monotonic()
        return any(e.looked_at_s is not None and now_s - e.looked_at_s <= 3.0 for e in self.eyes.values())

    def status(self, links: Mapping[str, bool], link_losses: Mapping[str, int], *, now_s: float) -> dict[str, Any]:
        """The status topic."""
        queues = [
            {"name": f"frames:{eye.camera}", "lost": eye.dropped, "length": 0, "bound": 1} for eye in self.eyes.values()
        ]
        queues += [
            {"name": f"unplaced:{e.camera}", "lost": e.observer.unplaced, "length": e.observer.waiting, "bound": 64}
            for e in self.eyes.values()
        ]
        queues += [{"name": f"link:{n}", "lost": lost, "length": 0, "bound": 2000} for n, lost in link_losses.items()]
        return {
            "mode": self.mode,
            "incident": {
                "name": self.settings.name,
                "title": self.settings.title or self.settings.name,
                "started_s": self.started_utc_s,
            },
            "server_time_s": time.time(),
            "sources": [source.to_json() for source in self.sources(links, now_s=now_s)],
            "queues": queues,
            "recording": {"ok": self.recording_ok, "not_recorded": self.not_recorded},
            "replay_time_s": self.replay_utc_s,
        }

    def coverage_json(self) -> dict[str, Any]:
        """What was looked at, since when, by what."""
        coverage = self.picture.coverage
        running = self.detecting
        polygon = None
        if self.surroundings is not None and coverage.frames:
            frame = self.surroundings.frame
            rings = [[ring_of(frame, ring[:-1]) for ring in polygon] for polygon in coverage.polygons()]
            polygon = {"type": "MultiPolygon", "coordinates": rings} if rings else None
        since = [e.looking_since_utc_s for e in self.eyes.values() if e.looking_since_utc_s is not None]
        return {
            "mode": self.mode,
            "frames": coverage.frames,
            "area_m2": round(coverage.area_m2),
            "since_s": min(since, default=None),
            "last_s": coverage.last_s,
            "cameras": [eye.camera for eye in self.eyes.values() if eye.looked_at_s is not None],
            "polygon": polygon,
            "detection_running": running,
            "statement_key": statement_key(running=running, frames=coverage.frames),
        }


def boxes(found: Detections) -> list[list[int]]:
    """(x, y, w, h) of each detection."""
    return [[int(value) for value in box] for box in found.bbox]


