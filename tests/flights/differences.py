"""Where our simulated copter answers otherwise than the recording, by reason; each name is a stimulus of the script."""

from __future__ import annotations

_BY_REASON: dict[str, tuple[str, ...]] = {
    "ours has one reason while it waits for a position, the real one names the sensor that is late": (
        "arm in GUIDED before there is a position",
        "force arming before there is a position",
    ),
    "ours is ready 12 s after its boot, the real one after 36 to 42 s: rehearsals need not wait": (
        "wait until it could arm",
    ),
    "ours cruises at 8 m/s as the project's scenarios want it": ("read WPNAV_SPEED",),
    "ours has fewer messages in a stream": ("data stream EXTRA1 at 2 Hz",),
    "ours does not have this command": (
        "CONDITION_YAW",
    ),
    "ours keeps the current item when the mission is cleared on the ground": ("clear", "30 m away"),
    "ours forgets a mission of one item that was refused, the real one counts it": ("refused: latitude of 91°",),
    "ours writes a fence at once, the real one from its background task: it cannot be read for a moment": (
        "read the circle",
    ),
    "ours has no phases of a climb: it is in the air at 9.5 m, or climbs at once": (
        "take off to 10 m", "MISSION_START", "to item 2",
    ),
    "ours restarts the flown item once more during an upload, at its count": ("upload again while it flies",),
    "ours turns round faster, and reports the same item reached a second time with no message": (
        "the next item after that",
    ),
    "ours does not know SET_POSITION_TARGET_GLOBAL_INT": ("a place by SET_POSITION_TARGET",),
    "ours restarts a flown mission that is emptied and shows item 0; the real one goes on with what it had": (
        "count 0 while it flies",
    ),
    "ours has no FENCE_STATUS of its own accord": (
        "AUTO, to a place outside", "it is on",
        "an upload during a fence",
    ),
    "ours does not take up items while it is disarmed": ("MISSION_START while disarmed",),
    "ours does not report the last item as reached and is disarmed in the moment it touches the ground": (
        "until it has landed and disarmed", "until it has disarmed",
        "LAND until it is on the ground", "until LAND has disarmed",
    ),
}  # fmt: skip

DIFFERENCES = {name: reason for reason, names in _BY_REASON.items() for name in names}
"""{stimulus: reason}."""

UNSTEADY = frozenset({
    "arm in GUIDED before there is a position", "ATTITUDE off", "a circle of -5 m", "a rally point too high",
    "AUTO, to a place outside", "list while uploading oneself", "an item of another type meanwhile",
    "a count of another type meanwhile", "begin anew, and silence",
})  # fmt: skip
"""Stimuli that the real one does not answer alike twice: a matter of one loop, or of the second of a repetition."""
