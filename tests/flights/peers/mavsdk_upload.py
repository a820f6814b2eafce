"""Run by the peers' own Python: one upload by MAVSDK. ``mavsdk_upload.py UDP_PORT PLAN_FILE``; one line of JSON."""

import json
import os
import sys
import time

from mavsdk import ComponentType, Configuration, Mavsdk
from mavsdk.plugins.mission_raw import MissionItem, MissionRaw, MissionRawError


def items_of(path):
    """The items of a QGC WPL 110 file."""
    with open(path, encoding="ascii") as file:
        rows = [line.split("\t") for line in file.read().splitlines()[1:]]
    return [
        MissionItem(
            int(seq), int(frame), int(command), int(current), int(goes_on), *map(float, params),
            round(float(lat) * 1e7), round(float(lon) * 1e7), float(up), 0,
        )
        for seq, current, frame, command, *params, lat, lon, up, goes_on in rows
    ]  # fmt: skip


def main(port, path):
    mavsdk = Mavsdk(Configuration.create_with_component_type(ComponentType.GROUND_STATION))
    mavsdk.add_any_connection(f"udpin://127.0.0.1:{port}")
    system = mavsdk.first_autopilot(60.0)
    line = {"outcome": "no vehicle", "seconds": 0.0}
    if system is not None:
        mission, items = MissionRaw(system), items_of(path)
        time.sleep(2.0)
        began_s = time.monotonic()
        try:
            mission.upload_mission(items)
            line["outcome"] = "loaded"
        except MissionRawError as error:
            line["outcome"] = str(error)
        line["seconds"] = round(time.monotonic() - began_s, 2)
    print(json.dumps(line), flush=True)
    os._exit(0)  # its threads are not ours to wait for


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
