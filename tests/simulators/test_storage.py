"""What ArduCopter 4.7-dev gave back of three items of every command, and which it refused."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from pymavlink.dialects.v20 import ardupilotmega as mavlink

from simulators.autopilot import storage

# command: frame p1 p2 p3 p4 x y z, after ...
# p 1.7 2.7 3.7 4.7, frame 3, x 514345123, y 67624321, z 20.456
LARGE = """
16: 3 1 0 0 0 514345123 67624321 20.45
17: 3 0 0 3 0 514345123 67624321 20.45
18: 3 1 0 3 1 514345123 67624321 20.45
19: 3 1 0 1 1 514345123 67624321 20.45
20: 0 0 0 0 0 0 0 0
21: 3 1 0 0 1 514345123 67624321 20.45
22: 3 1 0 0 0 514345123 67624321 20.45
30: 3 1 0 0 0 514345123 67624321 20.45
31: 3 0 2 0 1 514345123 67624321 20.45
82: 3 1 0 0 0 514345123 67624321 20.45
83: 0 1.7 2.7 3 0 0 0 0
84: 3 0 0 0 0 514345123 67624321 20.45
85: 3 1 0 0 0 514345123 67624321 20.45
92: 3 1 0 0 0 514345123 67624321 20.45
93: 0 1.7 2 3 4 0 0 0
94: 3 1.7 0 0 0 514345123 67624321 20.45
112: 0 1.7 0 0 0 0 0 0
114: 0 1.7 0 0 0 0 0 0
115: 0 1.7 2.7 3 4 0 0 0
177: 0 1 2 0 0 0 0 0
178: 0 1 2.7 3.7 0 0 0 0
179: 3 1 0 0 0 514345123 67624321 20.45
181: 0 1 2 0 0 0 0 0
182: 0 1 2 3.7 0 0 0 0
183: 0 1 2 0 0 0 0 0
184: 0 1 2 3 4.7 0 0 0
188: 3 0 0 0 0 514345123 67624321 20.45
189: 3 0 0 0 0 514345123 67624321 20.45
191: 3 0 0 0 0 514345123 67624321 20.45
193: 0 1 0 0 0 0 0 0
194: 0 1 0 0 0 0 0 0
195: 3 1 0 0 0 514345123 67624321 20.45
197: 0 1 0 0 0 0 0 0
201: 3 1 0 0 0 514345123 67624321 20.45
202: 0 1 2 3 4 163 129 20.456
203: 0 1 2 3 4 163 129 0
205: 0 1.7 2.7 3.7 0 0 0 2
206: 0 1.7 0 3 0 0 0 0
207: 0 1 0 0 0 0 0 0
208: 0 1 0 0 0 0 0 0
210: 0 1 0 0 0 0 0 0
211: 0 1 2 0 0 0 0 0
212: 0 1 0 0 0 0 0 0
213: 0 1.7 2.7 3 0 0 0 0
215: 0 1 0 0 0 0 0 0
216: 0 1 0 0 0 0 0 0
217: 0 1 2.7 3.7 4.7 0 0 0
218: 0 1 2 0 0 0 0 0
222: 0 1 2.7 3.7 4.7 0 0 0
223: 0 1 1 3.7 0 0 0 0
531: 0 1 2.7 0 0 0 0 0
532: 0 1 2.7 0 0 0 0 0
534: 0 1 2 3 0 0 0 0
600: 0 1 0 0 0 0 0 0
601: 0 1 2 0 0 0 0 0
1000: 0 1 2 3 4 163 0 20
2000: 0 1 2.7 3 4 0 0 0
2001: 0 1 0 0 0 0 0 0
2500: 0 1 0 0 0 0 0 0
2501: 0 1 0 0 0 0 0 0
3000: 0 1 0 0 0 0 0 0
42600: 0 1 2 3.7 4.7 0 0 0
42702: 0 1 2 3.6992 4.6992 18595 -8831 0
"""
# p -1.5 -2.5 -300.2 -4.5, frame 2, x 7, y 9, z -3.999
NEGATIVE = """
16: 0 65535 0 0 0 7 9 -3.99
17: 0 0 0 -300 0 7 9 -3.99
18: 0 255 0 -2550 0 7 9 -3.99
19: 0 65535 0 -1 0 7 9 -3.99
20: 0 0 0 0 0 0 0 0
21: 0 65535 0 0 -1 7 9 -3.99
22: 0 65535 0 0 0 7 9 -3.99
30: 0 65535 0 0 0 7 9 -3.99
31: 0 0 -2 0 0 7 9 -3.99
82: 0 65535 0 0 0 7 9 -3.99
83: 0 -1.5 -2.5 212 0 0 0 0
84: 0 0 0 0 0 7 9 -3.99
85: 0 65535 0 0 0 7 9 -3.99
92: 0 65535 0 0 0 7 9 -3.99
93: 0 -1.5 -2 -44 -4 0 0 0
94: 0 653.86 0 0 0 7 9 -3.99
112: 0 -1.5 0 0 0 0 0 0
114: 0 -1.5 0 0 0 0 0 0
115: 0 -1.5 -2.5 -44 252 0 0 0
178: 0 255 -2.5 -300.2 0 0 0 0
179: 0 65535 0 0 0 7 9 -3.99
181: 0 255 254 0 0 0 0 0
182: 0 255 -2 -300.2 0 0 0 0
183: 0 255 65534 0 0 0 0 0
184: 0 255 65534 -300 -4.5 0 0 0
188: 0 0 0 0 0 7 9 -3.99
189: 0 0 0 0 0 7 9 -3.99
191: 0 0 0 0 0 7 9 -3.99
193: 0 65535 0 0 0 0 0 0
194: 0 65535 0 0 0 0 0 0
195: 0 65535 0 0 0 7 9 -3.99
197: 0 65535 0 0 0 0 0 0
201: 0 65535 0 0 0 7 9 -3.99
202: 0 255 65534 212 65532 7 9 -3.999
203: 0 255 254 -44 252 7 9 0
205: 0 -1.5 -2.5 -300.2 0 0 0 2
206: 0 -1.5 0 212 0 0 0 0
207: 0 65535 0 0 0 0 0 0
208: 0 65535 0 0 0 0 0 0
210: 0 65535 0 0 0 0 0 0
211: 0 255 254 0 0 0 0 0
212: 0 65535 0 0 0 0 0 0
213: 0 -1.5 -2.5 212 0 0 0 0
215: 0 65535 0 0 0 0 0 0
216: 0 65535 0 0 0 0 0 0
217: 0 65535 -2.5 -300.2 -4.5 0 0 0
218: 0 65535 254 0 0 0 0 0
222: 0 65535 -2.5 -300.2 -4.5 0 0 0
223: 0 0 0 355.16 0 0 0 0
531: 0 255 -2.5 0 0 0 0 0
532: 0 255 -2.5 0 0 0 0 0
534: 0 255 254 212 0 0 0 0
600: 0 65535 0 0 0 0 0 0
601: 0 65535 -2 0 0 0 0 0
1000: 0 -1 -2 -44 -4 7 0 253
2000: 0 255 -2.5 65236 65532 0 0 0
2001: 0 65535 0 0 0 0 0 0
2500: 0 255 0 0 0 0 0 0
2501: 0 255 0 0 0 0 0 0
3000: 0 255 0 0 0 0 0 0
42600: 0 255 254 -300.2 -4.5 0 0 0
42702: 0 255 254 -300.25 -4.5 7 9 0
"""
# p 70000 300 2600 0.4, frame 6, x 1000000000 (no latitude: those with a place are refused), y 67624321, z 5
HUGE = """
20: 0 0 0 0 0 0 0 0
83: 0 70000 300 40 0 0 0 0
93: 0 70000 44 40 0 0 0 0
112: 0 70000 0 0 0 0 0 0
114: 0 70000 0 0 0 0 0 0
115: 0 70000 300 40 0 0 0 0
178: 0 112 300 2600 0 0 0 0
181: 0 112 44 0 0 0 0 0
182: 0 112 300 2600 0 0 0 0
183: 0 112 300 0 0 0 0 0
184: 0 112 300 2600 0.4 0 0 0
193: 0 4464 0 0 0 0 0 0
194: 0 4464 0 0 0 0 0 0
197: 0 4464 0 0 0 0 0 0
202: 0 112 300 40 0 0 129 5
203: 0 112 44 40 0 0 129 0
205: 0 70000 300 2600 0 0 0 2
206: 0 70000 0 40 0 0 0 0
207: 0 4464 0 0 0 0 0 0
208: 0 4464 0 0 0 0 0 0
210: 0 4464 0 0 0 0 0 0
211: 0 112 44 0 0 0 0 0
212: 0 4464 0 0 0 0 0 0
213: 0 70000 300 40 0 0 0 0
215: 0 4464 0 0 0 0 0 0
216: 0 4464 0 0 0 0 0 0
217: 0 4464 300 2600 0.4 0 0 0
218: 0 4464 44 0 0 0 0 0
222: 0 4464 300 2600 0.4 0 0 0
223: 0 1 1 633.92 0 0 0 0
531: 0 112 300 0 0 0 0 0
532: 0 112 300 0 0 0 0 0
534: 0 112 44 40 0 0 0 0
600: 0 4464 0 0 0 0 0 0
601: 0 4464 300 0 0 0 0 0
1000: 0 112 300 40 0 0 0 5
2000: 0 112 300 2600 0 0 0 0
2001: 0 4464 0 0 0 0 0 0
2500: 0 112 0 0 0 0 0 0
2501: 0 112 0 0 0 0 0 0
3000: 0 112 0 0 0 0 0 0
42600: 0 112 44 2600 0.4 0 0 0
42702: 0 112 44 2600 0.3999 -13824 -8831 0
"""
REFUSED = (
    113,
    159,
    192,
    196,
    200,
    204,
    209,
    214,
    220,
    221,
    224,
    246,
    300,
    400,
    511,
    530,
    1001,
    2003,
    2502,
    3001,
    5001,
    5100,
    31000,
    42700,
    42701,
)
SENT = {
    "LARGE": (LARGE, (1.7, 2.7, 3.7, 4.7), 3, 514_345_123, 67_624_321, 20.456),
    "NEGATIVE": (NEGATIVE, (-1.5, -2.5, -300.2, -4.5), 2, 7, 9, -3.999),
    "HUGE": (HUGE, (70_000.0, 300.0, 2_600.0, 0.4), 6, 1_000_000_000, 67_624_321, 5.0),
}


def item(
    command: int,
    params: tuple[float, ...] = (0, 0, 0, 0),
    frame: int = 3,
    x: int = 0,
    y: int = 0,
    z: float = 20.0,
    kind: int = storage.MISSION,
) -> Any:
    """Item 2, as it comes off the wire: in single precision."""
    singles = [float(np.float32(value)) for value in (*params, z)]
    return mavlink.MAVLink_mission_item_int_message(1, 1, 2, frame, command, 0, 1, *singles[:4], x, y, singles[4], kind)


@pytest.mark.parametrize("which", SENT)
def test_every_command_comes_back_as_from_arducopter(which: str) -> None:
    table, params, frame, x, y, z = SENT[which]
    for line in table.split("\n")[1:-1]:
        command, _, rest = line.partition(": ")
        sent = item(int(command), params, frame, x, y, z)
        assert storage.fault(sent, 3) is None, line
        kept = storage.stored(sent)
        got = (kept.frame, *kept.params, kept.x, kept.y, kept.z)
        assert got == pytest.approx([float(word) for word in rest.split()], abs=1e-4), line


@pytest.mark.parametrize("command", REFUSED)
def test_commands_that_are_no_items(command: int) -> None:
    assert storage.fault(item(command), 3) == mavlink.MAV_MISSION_UNSUPPORTED


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("number", range(4))
def test_a_parameter_that_is_no_number_is_refused_before_the_command_is_looked_at(number: int, bad: float) -> None:
    params = [1.0] * 4
    params[number] = bad
    unused_yaw = number == 3 and math.isnan(bad)
    for command, allowed in ((16, unused_yaw), (85, math.isnan(bad) and number >= 2), (178, False), (31_000, False)):
        want = None if allowed else mavlink.MAV_MISSION_INVALID_PARAM1 + number
        assert storage.fault(item(command, tuple(params)), 3) == want


def test_a_frame_matters_only_where_there_is_a_place() -> None:
    taken = {frame for frame in range(22) if storage.fault(item(16, frame=frame), 3) is None}
    assert taken == {0, 2, 3, 5, 6, 10, 11}
    assert all(storage.fault(item(1000, frame=frame), 3) is None for frame in range(22))


@pytest.mark.parametrize(
    ("x", "y", "z", "result"),
    [
        (900_000_001, 1_800_000_001, 20.0, None),  # compared in single precision
        (900_000_100, 0, 20.0, mavlink.MAV_MISSION_INVALID_PARAM5_X),
        (0, -1_800_000_200, 20.0, mavlink.MAV_MISSION_INVALID_PARAM6_Y),
        (0, 0, 82_999.0, None),
        (0, 0, 83_000.0, mavlink.MAV_MISSION_INVALID_PARAM7),
        (0, 0, -83_000.0, mavlink.MAV_MISSION_INVALID_PARAM7),
        (0, 0, math.nan, mavlink.MAV_MISSION_INVALID_PARAM7),
        (0, 0, math.inf, mavlink.MAV_MISSION_INVALID_PARAM7),
    ],
)
def test_the_bounds_of_a_place(x: int, y: int, z: float, result: int | None) -> None:
    assert storage.fault(item(16, x=x, y=y, z=z), 3) == result


@pytest.mark.parametrize(("turns", "radius", "kept"), [(0.5, 0, (0.5, 0)), (3, -40, (3, -40)), (2, 300, (2, 300))])
def test_turns_and_radius_share_their_bits(turns: float, radius: float, kept: tuple[float, float]) -> None:
    params = storage.stored(item(18, (turns, 0, radius, 0))).params
    assert (params[0], params[2]) == kept
