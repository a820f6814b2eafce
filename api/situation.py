"""The situation of one running incident: station and cameras in, journal and live picture out.

Everything here runs on the event loop's thread; only ``look`` (pixels) runs in a worker. What changes goes to the
journal first and to the hub second: nothing is shown that was not recorded, or counted as not recorded.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from api.area_features import coverage_facts, multi_polygon
from api.eye import Eye, Look, since
from api.freshness import LIVE_S, Source, statement_key
from api.geojson import hotspot_feature, iso, ring_of
from api.live import Hub, VideoDesk
from api.mapper import BOUND as MAP_BOUND
from api.mapper import Mapper
from api.report import notice, vehicle_alarm, vehicle_report
from api.settings import CameraSetting, Settings
from api.store.incident import Incident, surroundings_to_json
from api.store.video import VideoRecorder
from ground_station.authority import Event as VehicleEvent
from ground_station.station import Station
from ground_station.vehicle import Vehicle
from imagery.frame import Frame
from imagery.hotspots import Event, hotspot_id, properties
from imagery.incident import Picture, Surroundings, observe
from imagery.observe import FrameObservation
from imagery.relook import relook
from missions.geometry.geo import Datum, GeoPoint, LocalFrame, distance_m
from missions.geometry.terrain import FlatGround, TerrainGrid

_TRACK_POINTS = 600
_TRACK_STEP_S, _TRACK_STEP_M = 0.5, 2.0
_UPDATE_S = 0.5
# A ground station that does not get to show its vehicles any more must not hold their failsafe back.
_DEADMAN_S = 1.5
_NO_TERRAIN_SIGMA_M = 5.0


class Situation:
    """All that is known, and where it goes."""

    def __init__(self, settings: Settings, incident: Incident, terrain: TerrainGrid | None) -> None:
        self.settings, self.incident = settings, incident
        beats = settings.beats and settings.mode != "wiedergabe"
        signing = None if settings.mode == "wiedergabe" else settings.signing
        self.station = Station(beats=beats, deadman_s=_DEADMAN_S, signing=signing)
        self.station.terrain = terrain
        self.station.identities = settings.identities
        self.hub, self.desk = Hub(), VideoDesk()
        self.mapper = Mapper(incident.log.write)
        self.picture = Picture()
        self.surroundings: Surroundings | None = None
        self.eyes = {c.camera: self._eye(c) for c in settings.cameras}
        self.tracks: dict[int, deque[list[float]]] = {}
        self.link_troubles: dict[str, str] = {}
        """Why a link is not connected, in its own words."""
        self.started_utc_s = time.time()
        self.replay_utc_s: float | None = None
        self.pictures_ok, self.pictures_lost = True, 0
        self.terrain = terrain
        self.latest: dict[int, VehicleEvent] = {}
        self._vehicle_alarms = 0
        self._last_track_s: dict[int, float] = {}
        self._shown_s: dict[int, float] = {}
        if terrain is not None:
            self._set_surroundings_from(terrain)

    def _eye(self, setting: CameraSetting) -> Eye:
        live = self.mode != "wiedergabe" or bool(setting.url)
        recorder = VideoRecorder(self.incident.folder / "video", setting.camera) if live else None
        return Eye(setting, recorder, self.incident.log.write)

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

    def looked(self, eye: Eye, look: Look, *, now_s: float, received_s: float | None = None) -> None:
        """A frame comes back from its worker: note it, and show its picture. ``received_s``: when it came."""
        eye.looked(look, now_s=now_s, utc_s=self.utc_s, received_s=received_s)
        if not look.seen.refusal:
            self.mapper.keep(look.seen.frame)
        if not eye.trouble and look.jpeg:
            self.show_picture(eye, look)

    def show_picture(self, eye: Eye, look: Look) -> None:
        """The picture to whoever watches this camera."""
        frame = look.seen.frame
        utc = eye.utc_of(frame, self.station.vehicles.get(frame.vehicle))
        self.desk.show(eye.camera, eye.header(look, utc_s=utc, mode=self.mode), look.jpeg)

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
            ready = eye.observer.take_ready(poses, _utc_by(eye, vehicle), now_s=now_s)
            for observation in ready:
                eye.placed(observation, now_s=now_s)
                self._fold(eye, eye.told(observation, vehicle))

    def replay(self, observation: FrameObservation, surroundings: Surroundings, *, now_s: float) -> None:
        """One frame of a recorded journal, when its time has come."""
        if self.surroundings is not surroundings:
            self.surroundings, self.picture = surroundings, Picture()
            facts = surroundings_to_json(surroundings)
            self.incident.journal.append("surroundings", self.utc_s, self.incident.telemetry.offset, facts)
        eye = self.eyes.get(observation.camera)
        if eye is not None:
            eye.replay(observation, now_s=now_s, utc_s=self.utc_s)
        self._fold(eye, observation)

    def _fold(self, eye: Eye | None, observation: FrameObservation) -> None:
        assert self.surroundings is not None
        offset = self.incident.telemetry.offset
        self.incident.journal.append("frame", observation.time_s, offset, observation.to_json())
        self.picture, events = observe(self.picture, observation, self.surroundings)
        self.mapper.placed(observation, self.surroundings.view(observation))
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
        profile = self.surroundings.profiles.get(hotspot.camera)
        again = None if profile is None else relook(hotspot, profile)
        feature["properties"]["relook_height_m"] = None if again is None else again.height_m
        now = time.time()
        took = None if eye is None else eye.took(observation.seq, now_s=time.monotonic())
        self.hub.publish("hotspot", feature, t_obs=observation.time_s, t_srv=now, took=took)
        if event.what == "confirmed":
            alarm = {"id": f"alarm-{facts['id']}", "hotspot": facts["id"], "number": facts["number"], "mode": self.mode}
            alarm |= {
                "vehicle": facts["vehicle"],
                "camera": facts["camera"],
                "kind": "new_hotspot",
                "state": "active",
                "raised": iso(observation.time_s),
            }
            self.incident.journal.append("alarm", observation.time_s, offset, alarm)
            self.hub.publish("alarm", alarm, t_obs=observation.time_s, t_srv=now)

    def _keep_picture(self, eye: Eye, name: str) -> None:
        jpeg = eye.pictures.get(name)
        if jpeg is None:
            return
        try:
            (self.incident.folder / "frames" / name).write_bytes(jpeg)
            self.pictures_ok = True
        except OSError:
            self.pictures_lost += 1
            self.pictures_ok = False

    def _publish_footprint(self, observation: FrameObservation) -> None:
        footprint = self.picture.footprints.get(observation.camera)
        if footprint is None or self.surroundings is None:
            return
        ring = None if footprint.ring_en is None else ring_of(self.surroundings.frame, footprint.ring_en)
        data = {"polygon": ring, "time_s": observation.time_s, "reason": footprint.reason, "mode": self.mode}
        data |= {"vehicle": observation.vehicle, "camera": observation.camera}
        topic = f"footprint/{observation.camera}"
        self.hub.publish(topic, data, t_obs=observation.time_s, t_srv=time.time())

    # --- what the page is told --------------------------------------------------------------------------------------

    def publish_vehicles(self, *, now_s: float) -> None:
        """Every vehicle's state, several times a second."""
        self.station.alive(now_s=now_s)
        for vehicle in self.station.vehicles.values():
            for event in vehicle.take_events():
                self._vehicle_alarm(vehicle, event)
            data = self.vehicle_json(vehicle, now_s=now_s)
            self.hub.publish(f"vehicle/{vehicle.sysid}", data, t_obs=data["time_s"], t_srv=time.time())
            if data["lat_deg"] is None or now_s - self._last_track_s.get(vehicle.sysid, -1e9) < _TRACK_STEP_S:
                continue
            self._last_track_s[vehicle.sysid] = now_s
            track = self.tracks.setdefault(vehicle.sysid, deque(maxlen=_TRACK_POINTS))
            point = [data["lon_deg"], data["lat_deg"], data["time_s"] or self.utc_s]
            if not track or (track[-1][2] < point[2] and _moved(track[-1], point)):
                track.append(point)
                self.hub.states[f"track/{vehicle.sysid}"] = list(track)

    def vehicle_json(self, vehicle: Vehicle, *, now_s: float) -> dict[str, Any]:
        """One vehicle as agreed with the page."""
        report = vehicle_report(vehicle, self.terrain, self.mode, now_s=now_s)
        return report | {"notice": notice(self.latest.get(vehicle.sysid), vehicle.state, now_s=now_s)}

    def _vehicle_alarm(self, vehicle: Vehicle, event: VehicleEvent) -> None:
        """What happened to the aircraft by somebody else's will: into the journal, then onto the screen."""
        self.latest[vehicle.sysid] = event
        utc_s, self._vehicle_alarms = self.utc_s, self._vehicle_alarms + 1
        alarm = vehicle_alarm(vehicle.sysid, event, number=self._vehicle_alarms, raised=iso(utc_s), mode=self.mode)
        self.incident.journal.append("alarm", utc_s, self.incident.telemetry.offset, alarm)
        self.hub.publish("alarm", alarm, t_obs=utc_s, t_srv=time.time())

    def sources(self, links: Mapping[str, bool], *, now_s: float) -> list[Source]:
        """Every source with its age. ``links``: name → whether the wire itself is up."""
        found = []
        for name, connected in links.items():
            age = self.station.link_age_s(name, now_s)
            # A link that is lost while its vehicles are alive on another one is a lost spare, and no lost vehicle.
            spare = self.station.is_spare(name, now_s) and (not connected or (age or 0.0) > LIVE_S)
            trouble = "" if connected else "disconnected"
            why = "" if connected else self.link_troubles.get(name, "")
            found.append(
                Source(
                    f"link:{name}",
                    "link",
                    None,
                    None,
                    age,
                    since(self.utc_s, age),
                    off=spare,
                    trouble=trouble,
                    reason=why,
                )
            )
        for vehicle in self.station.vehicles.values():
            position = vehicle.state.position
            age = None if position is None else now_s - position.at_s
            found.append(
                Source(f"telemetry:{vehicle.sysid}", "telemetry", vehicle.sysid, None, age, since(self.utc_s, age))
            )
        for eye in self.eyes.values():
            ground = self._ground_trouble(self.station.vehicles.get(eye.setting.vehicle))
            found += eye.sources(now_s=now_s, utc_s=self.utc_s, ground=ground)
        recording = self.recording_ok
        found.append(
            Source("recording", "recording", None, None, 0.0, self.utc_s, trouble="" if recording else "disk_full")
        )
        return found

    def _ground_trouble(self, vehicle: Vehicle | None) -> str:
        position = vehicle.state.position if vehicle else None
        if self.terrain is None or position is None or self.terrain.covers(position.lat_deg, position.lon_deg):
            return ""
        return "outside_terrain"

    @property
    def recording_ok(self) -> bool:
        """Whether everything is being recorded."""
        video = self.pictures_ok and all(eye.recorder.ok for eye in self.eyes.values() if eye.recorder)
        return video and self.incident.telemetry.ok and self.incident.journal.ok

    @property
    def not_recorded(self) -> int:
        """Records of all kinds that are on no disk."""
        video = sum(eye.recorder.not_recorded for eye in self.eyes.values() if eye.recorder) + self.pictures_lost
        return video + self.incident.telemetry.not_recorded + self.incident.journal.not_recorded

    @property
    def detecting(self) -> bool:
        """Whether detection runs on at least one camera right now."""
        now_s = time.monotonic()
        return any(
            eye.detecting(now_s=now_s) and not self._ground_trouble(self.station.vehicles.get(eye.setting.vehicle))
            for eye in self.eyes.values()
        )

    def status(self, links: Mapping[str, bool], link_losses: Mapping[str, int], *, now_s: float) -> dict[str, Any]:
        """The status topic."""
        queues = [
            {"name": f"frames:{eye.camera}", "lost": eye.dropped, "length": 0, "bound": 1} for eye in self.eyes.values()
        ]
        queues += [
            {"name": f"unplaced:{e.camera}", "lost": e.observer.unplaced, "length": e.observer.waiting, "bound": 64}
            for e in self.eyes.values()
        ]
        queues += [{"name": "map", "lost": self.mapper.lost, "length": self.mapper.pending, "bound": MAP_BOUND}]
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
            polygon = multi_polygon(frame, coverage.polygons())
        since = [e.looking_since_utc_s for e in self.eyes.values() if e.looking_since_utc_s is not None]
        return {
            "mode": self.mode,
            "frames": coverage.frames,
            "area_m2": round(coverage.area_m2),
            **coverage_facts(coverage),
            "since_s": min(since, default=None),
            "last_s": coverage.last_s,
            "cameras": [eye.camera for eye in self.eyes.values() if eye.looked_at_s is not None],
            "polygon": polygon,
            "thermal_map": self.mapper.told(),
            "detection_running": running,
            "statement_key": statement_key(running=running, frames=coverage.frames),
        }


def _moved(before: Sequence[float], now: Sequence[float]) -> bool:
    """Whether a vehicle has left its last point: one that stands must not push its flight out of the trail."""
    (lon, lat), (lon_now, lat_now) = before[:2], now[:2]
    return distance_m(GeoPoint(lat, lon, 0.0, Datum.HOME), GeoPoint(lat_now, lon_now, 0.0, Datum.HOME)) > _TRACK_STEP_M


def _utc_by(eye: Eye, vehicle: Vehicle) -> Callable[[Frame], float | None]:
    return lambda frame: eye.utc_of(frame, vehicle)
