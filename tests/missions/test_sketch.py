"""A plan as a picture and as a table of legs: the right things in the right places."""

from __future__ import annotations

import math
from xml.etree import ElementTree

import numpy as np
import pytest

from missions.energy import Conditions, Supply
from missions.fence import Fence, FenceCircle, FencePolygon, fence_items, rally_items
from missions.formats.plan import FormatError, Plan
from missions.geometry.geo import Datum, GeoPoint, LocalFrame
from missions.geometry.terrain import FlatGround
from missions.items import compile_items
from missions.leg_table import leg_rows, leg_table
from missions.mission import FlyTo, Mission, ReturnHome, SetSpeed, TakeOff
from missions.power import PowerModel
from missions.sketch import Label, Line, Spot, sketch, to_svg

HOME = GeoPoint(51.4325, 6.7605, 33.0, Datum.SEA_LEVEL)
FRAME = LocalFrame(HOME)


def at(east: float, north: float, above: float = 50.0) -> GeoPoint:
    lat, lon, _ = FRAME.geo_from_enu(np.array([east, north, 0.0]))
    return GeoPoint(float(lat), float(lon), above, Datum.HOME)


def plan(name: str = "p") -> Plan:
    steps = (TakeOff(50.0), SetSpeed(8.0), FlyTo(at(300, 0)), FlyTo(at(300, 400, 70.0)), ReturnHome())
    ring = tuple((p.lat_deg, p.lon_deg) for p in (at(-50, -50), at(400, -50), at(400, 500), at(-50, 500)))
    fence = Fence((FencePolygon(ring, True),), (FenceCircle(*ring[2], 40.0, False),))
    rally = rally_items([at(20, 20)])
    return Plan(name, compile_items(Mission(name, steps, HOME)), fence_items(fence), rally)


def test_the_map_is_true_to_scale_and_north_is_up() -> None:
    picture = sketch(plan())
    ways = [s for s in picture.shapes if isinstance(s, Line) and s.colour == "#0b62c4" and len(s.points) == 2]
    east, north = ways[1].points, ways[2].points
    assert east[1, 0] > east[0, 0] and east[1, 1] == pytest.approx(east[0, 1], abs=0.5)
    assert north[1, 1] < north[0, 1] and north[1, 0] == pytest.approx(north[0, 0], abs=0.5)
    lengths = [float(np.linalg.norm(np.diff(way, axis=0))) for way in (east, north)]
    assert lengths[0] / lengths[1] == pytest.approx(3 / 4, rel=1e-3)
    bar = next(s for s in picture.shapes if isinstance(s, Line) and len(s.points) == 4 and not s.fill)
    text = next(s.text for s in picture.shapes if isinstance(s, Label) and s.text.endswith(" m"))
    assert (bar.points[2, 0] - bar.points[1, 0]) / lengths[0] == pytest.approx(float(text[:-2]) / 300.0, rel=1e-3)


def test_everything_of_the_plan_lies_within_the_picture() -> None:
    picture = sketch(plan(), terrain=FlatGround(33.0))
    for shape in picture.shapes:
        points = shape.points if isinstance(shape, Line) else np.array([[shape.x, shape.y]])
        assert (points >= 0.0).all() and (points <= [picture.width, picture.height]).all()
    assert {s.text for s in picture.shapes if isinstance(s, Label)} >= {"home", "rally", "N", "p"}
    assert sum(isinstance(s, Line) and s.fill == "#c4261d" for s in picture.shapes) == 1
    assert any(isinstance(s, Spot) for s in picture.shapes)


def test_the_profile_stands_on_its_axes() -> None:
    picture = sketch(plan(), terrain=FlatGround(33.0))
    line = [s for s in picture.shapes if isinstance(s, Line) and s.colour == "#0b62c4"][-1]
    marks = {s.text: s for s in picture.shapes if isinstance(s, Label) and s.anchor == "end"}
    zero, fifty = marks["0 m"].y - 4.0, marks["50 m"].y - 4.0
    height = (zero - line.points[:, 1]) / (zero - fifty) * 50.0
    assert height == pytest.approx([0.0, 50.0, 50.0, 70.0, 70.0], abs=0.1)


def test_svg_is_xml_whatever_the_name_is() -> None:
    root = ElementTree.fromstring(to_svg(sketch(plan('<b>&"Grün'))).encode())
    texts = [node.text for node in root.iter("{http://www.w3.org/2000/svg}text")]
    assert '<b>&"Gr?n' in texts


def test_a_plan_without_a_place_is_no_picture() -> None:
    with pytest.raises(FormatError, match="no place"):
        sketch(Plan("empty"))
    assert sketch(Plan("fence alone", fence=plan().fence)).shapes


def test_the_table_of_legs_adds_up() -> None:
    rows = leg_rows(plan().items, HOME, FlatGround(33.0))
    assert [row.seq for row in rows] == [1, 3, 4, 5]
    assert [row.flown_m for row in rows] == pytest.approx([0, 300, 700, 1200], abs=2.0)
    assert [row.height_m for row in rows] == pytest.approx([50, 50, 70, 70])
    assert rows[2].clear_m == pytest.approx(50.0, abs=0.1)
    # Home from the far corner: what the plan's own return then takes.
    assert rows[2].home_s == pytest.approx(rows[3].time_s - rows[2].time_s, abs=2.0)
    assert rows[1].home_s == pytest.approx(300 / 8 + 8 / 1.5 + 5 + 40 / 1.5 + 20, abs=2.0)
    text = leg_table(rows)
    assert "home in" in text and "clear of" in text and "left" not in text
    assert len(text.splitlines()) == 5


def test_with_an_aircraft_the_table_knows_battery_and_wind() -> None:
    model = PowerModel(4.0, 0.5, 150.0, top_airspeed_m_s=15.0)
    calm, windy, stormy = (
        leg_rows(plan().items, HOME, supply=Supply(model, Conditions(wind, 180.0))) for wind in (0.0, 10.0, 16.0)
    )
    assert 0.8 < (calm[-1].left or 0.0) < 0.99 and "clear of" not in leg_table(calm)
    assert windy[2].home_s > calm[2].home_s + 15.0
    assert stormy[2].home_s == math.inf and "never" in leg_table(stormy)
