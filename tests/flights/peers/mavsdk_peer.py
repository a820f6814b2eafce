"""Run by the peers' own Python: MAVSDK as a ground station meets a vehicle. ``mavsdk_peer.py UDP_PORT``.

One line of JSON a step, ``{"step": …, "seconds": …, …}``; what MAVSDK refuses is in ``error`` and the steps go on.
"""

import json
import math
import os
import sys
import time
import traceback

from mavsdk import ComponentType, Configuration, Mavsdk, MavsdkError
from mavsdk.plugins.action import Action
from mavsdk.plugins.camera import Camera, Mode, PhotosRange
from mavsdk.plugins.gimbal import ControlMode, Gimbal, GimbalMode, SendMode
from mavsdk.plugins.info import Info
from mavsdk.plugins.mavlink_direct import MavlinkDirect, MavlinkMessage
from mavsdk.plugins.mission_raw import MissionItem, MissionRaw
from mavsdk.plugins.param import Param
from mavsdk.plugins.telemetry import Telemetry

HEIGHT_M = 12.0


def until(what, look, limit_s=60.0):
    """The first true answer of ``look``."""
    end_s = time.monotonic() + limit_s
    while time.monotonic() < end_s:
        found = look()
        if found:
            return found
        time.sleep(0.05)
    raise TimeoutError(f"not within {limit_s:g} s: {what}")


class Meeting:
    def __init__(self, system):
        self.telemetry, self.action, self.info = Telemetry(system), Action(system), Info(system)
        self.param, self.mission = Param(system), MissionRaw(system)
        self.camera, self.gimbal = Camera(system), Gimbal(system)
        self.direct = MavlinkDirect(system)
        self.heard, self.streams, self.fields = {}, {}, {}
        for name in ("position", "attitude_euler", "battery", "gps_info", "health", "flight_mode", "armed", "in_air"):
            getattr(self.telemetry, f"subscribe_{name}")(lambda value, name: self.heard.__setitem__(name, value), name)

    def identity(self):
        version = until("a version", lambda: self.ask(self.info.get_version), 10)
        kinds = (version.flight_sw_major, version.flight_sw_minor, version.flight_sw_patch)
        return {"version": ".".join(map(str, kinds))}

    @staticmethod
    def ask(question, *words):
        """An answer, or None where it says that there is none yet."""
        try:
            return question(*words)
        except MavsdkError:
            return None

    def telemetry_read(self):
        # ArduPilot streams nothing until asked, and MAVSDK asks for nothing by itself.
        for name in ("position", "attitude_euler", "battery", "gps_info", "health", "in_air", "home"):
            self.ask(getattr(self.telemetry, f"set_rate_{name}"), 5.0)
        until("all streams", lambda: len(self.heard) >= 8, 30)
        until("global position ok", lambda: self.heard["health"].is_global_position_ok, 90)
        position, gps = self.heard["position"], self.heard["gps_info"]
        battery, attitude = self.heard["battery"], self.heard["attitude_euler"]
        return {
            "lat_deg": position.latitude_deg, "lon_deg": position.longitude_deg,
            "alt_m": position.absolute_altitude_m, "fix": int(gps.fix_type), "satellites": gps.num_satellites,
            "volts": battery.voltage_v, "roll_deg": attitude.roll_deg,
            "home_ok": self.heard["health"].is_home_position_ok,
        }  # fmt: skip

    def parameters(self):
        everything = self.param.get_all_params()
        floats = {one.name: one.value for one in everything.float_params}
        ints = {one.name: one.value for one in everything.int_params}
        name = "WPNAV_SPEED" if "WPNAV_SPEED" in floats else "WP_SPD"
        before = self.param.get_param_float(name)
        self.param.set_param_float(name, before + 25.0)
        after = self.param.get_param_float(name)
        self.param.set_param_float(name, before)
        return {"floats": len(floats), "ints": len(ints), "moved": after - before, "name": name}

    def mission_there_and_back(self):
        position = self.heard["position"]
        lat, lon = round(position.latitude_deg * 1e7), round(position.longitude_deg * 1e7)
        nan = float("nan")

        def item(seq, command, x=0, y=0, z=0.0, *, frame=3, current=0, params=(0.0, 0.0, 0.0, 0.0)):
            return MissionItem(seq, frame, command, current, 1, *params, x, y, z, 0)

        sent = [
            item(0, 16, lat, lon, 0.0, frame=0, current=1),
            item(1, 22, lat, lon, HEIGHT_M),
            item(2, 16, lat + 2000, lon, HEIGHT_M, params=(0.0, 0.0, 0.0, nan)),
            item(3, 1000, frame=2, params=(-45.0, 0.0, 0.0, 0.0)),
            item(4, 16, lat + 2000, lon + 2000, HEIGHT_M),
            item(5, 20, frame=2),
        ]
        self.mission.upload_mission(sent)
        back = self.mission.download_mission()
        same = [
            (a.command, a.x, a.y, round(a.z, 3)) == (b.command, b.x, b.y, round(b.z, 3))
            for a, b in zip(sent[1:], back[1:], strict=False)
        ]
        return {"sent": len(sent), "back": len(back), "same": sum(same), "commands": [one.command for one in back]}

    def camera_found(self):
        cameras = until("a camera", lambda: self.camera.camera_list().cameras, 20)
        one = cameras[0]
        self.camera.subscribe_video_stream_info(self._hear_stream, None)
        until("both streams", lambda: self._ask_streams() or len(self.streams) >= 2, 25)
        return {
            "component": one.component_id, "vendor": one.vendor_name, "model": one.model_name,
            "width": one.horizontal_resolution_px, "height": one.vertical_resolution_px, "streams": self.streams,
        }  # fmt: skip

    def _hear_stream(self, update, _):
        settings = update.video_stream_info.settings
        self.streams[settings.uri.partition(":")[0]] = settings.uri
        self.fields[settings.uri.partition(":")[0]] = settings.horizontal_fov_deg

    def _ask_streams(self):
        # It keeps one stream a camera, the one that was told last, and asks for them but once.
        self._request(100, 512, 269, 0)
        time.sleep(0.2)

    def _request(self, component, command, param1, param2):
        fields = {"target_system": 1, "target_component": component, "command": command, "confirmation": 0}
        fields |= {"param1": param1, "param2": param2} | {f"param{n}": 0 for n in range(3, 8)}
        self.direct.send_message(MavlinkMessage("COMMAND_LONG", 245, 190, 1, component, json.dumps(fields)))

    def camera_used(self):
        camera, which = self.camera, self.camera.camera_list().cameras[0].component_id
        told = []
        camera.subscribe_capture_info(lambda info, _: told.append((info.index, info.is_success)), None)
        until("a storage", lambda: self.ask(camera.get_storage, which), 20)
        camera.set_mode(which, Mode.PHOTO)
        camera.take_photo(which)
        until("the picture", lambda: told, 10)
        camera.start_photo_interval(which, 0.5)
        until("a series", lambda: len(told) >= 4, 20)
        camera.stop_photo_interval(which)
        listed = [one.index for one in camera.list_photos(which, PhotosRange.ALL)]
        camera.set_mode(which, Mode.VIDEO)
        camera.start_video(which)
        until("a film", lambda: camera.get_storage(which).video_on, 15)
        camera.stop_video(which)
        camera.zoom_range(which, 50.0)
        field = until("a narrow view", lambda: self._ask_streams() or self._field(below=20.0), 20)
        camera.reset_settings(which)
        card = camera.get_storage(which)
        camera.format_storage(which, card.storage_id)
        return {
            "told": [index for index, _ in told], "failed": sum(not good for _, good in told), "listed": listed,
            "card_mib": card.total_storage_mib, "field_deg": field,
        }  # fmt: skip

    def _field(self, *, below):
        field = self.fields["rtsp"]
        return field if field < below else None

    def gimbal_found(self):
        # ArduPilot does not say GIMBAL_DEVICE_INFORMATION: MAVSDK believes in the gimbal when it streams its attitude.
        self._request(1, 511, 285, 100_000)
        gimbals = until("a gimbal", lambda: self.gimbal.gimbal_list().gimbals, 20)
        one = gimbals[0]
        self.gimbal.take_control(one.gimbal_id, ControlMode.PRIMARY)
        self.gimbal.set_angles(one.gimbal_id, 0.0, -60.0, 0.0, GimbalMode.YAW_FOLLOW, SendMode.ONCE)

        def pitch():
            seen = self.gimbal.get_attitude(one.gimbal_id).euler_angle_forward.pitch_deg
            return seen if abs(seen + 60.0) < 2.0 else None

        turned = until("the gimbal at -60 degrees", pitch, 15)
        self.gimbal.release_control(one.gimbal_id)
        return {
            "id": one.gimbal_id, "component": one.gimbal_manager_component_id,
            "device": one.gimbal_device_id, "vendor": one.vendor_name, "model": one.model_name, "pitch_deg": turned,
        }  # fmt: skip

    def take_off(self):
        until("armable", lambda: self.heard["health"].is_armable, 60)
        self.action.set_takeoff_altitude(HEIGHT_M)
        self.action.arm()
        self.action.takeoff()
        position = until("the height", self._high, 60)
        return {"height_m": position.relative_altitude_m, "in_air": self.heard["in_air"], "armed": self.heard["armed"]}

    def _high(self):
        position = self.heard["position"]
        return position if position.relative_altitude_m > HEIGHT_M - 1.0 else None

    def come_down(self):
        self.action.land()
        until("landed and disarmed", lambda: not self.heard["in_air"] and not self.heard["armed"], 90)
        height_m = self.heard["position"].relative_altitude_m
        return {"height_m": height_m, "in_air": self.heard["in_air"], "armed": self.heard["armed"]}


def main(port):
    begin_s = time.monotonic()
    failed = 0

    def step(name, work):
        nonlocal failed
        line = {"step": name}
        start_s = time.monotonic()
        try:
            line |= work()
        except Exception as error:
            failed += 1
            line["error"] = f"{type(error).__name__}: {error}"
            if os.environ.get("PEER_TRACE"):
                traceback.print_exc()
        line["seconds"] = round(time.monotonic() - start_s, 2)
        known = {k: None if isinstance(v, float) and math.isnan(v) else v for k, v in line.items()}
        print(json.dumps(known), flush=True)

    mavsdk = Mavsdk(Configuration.create_with_component_type(ComponentType.GROUND_STATION))
    mavsdk.add_any_connection(f"udpin://127.0.0.1:{port}")
    system = mavsdk.first_autopilot(30.0)
    if system is None:
        print(json.dumps({"step": "connect", "error": "no autopilot was discovered"}), flush=True)
        os._exit(1)
    step("connect", lambda: {"system": system.get_system_id(), "library": mavsdk.version()})
    meeting = Meeting(system)
    for name in ("identity", "telemetry_read", "parameters", "mission_there_and_back", "camera_found", "camera_used",
                 "gimbal_found", "take_off", "come_down"):  # fmt: skip
        step(name, getattr(meeting, name))
    print(json.dumps({"step": "over", "failed": failed, "seconds": round(time.monotonic() - begin_s, 2)}), flush=True)
    os._exit(1 if failed else 0)  # its threads are not ours to wait for


if __name__ == "__main__":
    main(int(sys.argv[1]))
