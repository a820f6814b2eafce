"""A scenario that cannot be used is refused by the key and by what is allowed; the shipped ones can be used."""

from __future__ import annotations

from dataclasses import replace
from importlib import resources

import pytest

from simulators.fire import build
from simulators.scenario import ROOM_M, ScenarioError, load, names, parse
from simulators.world import home_en_m

GOOD = (resources.files("simulators") / "scenarios" / "uebungsplatz.toml").read_bytes().decode("utf-8")


def with_line(key: str, value: str | None) -> str:
    """The shipped scenario with one line changed, or without it."""
    lines = [line for line in GOOD.splitlines() if not line.startswith(f"{key} =")]
    return "\n".join([*lines, *([] if value is None else [f"{key} = {value}"])])


@pytest.mark.parametrize("name", names())
def test_every_shipped_scenario_has_its_name_and_room_for_the_survey(name: str) -> None:
    scenario = load(name)
    assert scenario.name == name
    assert scenario.title and len(scenario.text) > 40
    assert max(scenario.survey_m) + ROOM_M <= scenario.width_m


@pytest.mark.parametrize("name", names())
def test_every_shipped_scenario_builds_its_scene_with_as_many_fires_as_it_orders(name: str) -> None:
    scenario = load(name)
    scene = build(scenario, 1)
    assert len(scene.fires) == scenario.fires + sum(entry.count for entry in scenario.burning)
    start = scene.height_at(*home_en_m(scenario))
    assert abs(start - scenario.ground_amsl_m) < 20.0 and scene.step_m(*home_en_m(scenario), 2.0) < 2.0, (
        "the drone stands on open ground"
    )


def test_an_unknown_name_says_which_there_are() -> None:
    with pytest.raises(ScenarioError, match=r"'duisburg' is unknown; allowed are .*uebungsplatz"):
        load("duisburg")


def test_text_is_read_as_it_is_written() -> None:
    scenario = parse(GOOD, "mine")
    assert (scenario.name, scenario.fires, scenario.water) == ("mine", 3, False)
    assert scenario.fire_c == (250.0, 420.0)
    assert isinstance(scenario.survey_height_m, float) and isinstance(scenario.halls, int)


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("fires", None, "fires is missing"),
        ("flames", "3", "unknown key 'flames'; allowed are title"),
        ("fires", "61", "fires must be a number between 0 and 60, not 61"),
        ("fires", "true", "fires must be a number"),
        ("fires", '"three"', "fires must be a number"),
        ("wind_m_s", "-0.1", "wind_m_s must be a number between 0 and 20"),
        ("wind_m_s", "nan", "wind_m_s must be a number between 0 and 20"),
        ("fire_c", "300.0", "fire_c must be two numbers"),
        ("fire_c", "[300.0]", "fire_c must be two numbers"),
        ("fire_c", "[420.0, 250.0]", r"fire_c must be \[low, high\]"),
        ("fire_radius_m", "[2.0, 1.0]", r"fire_radius_m must be \[low, high\]"),
        ("survey_height_m", "[1.0, 2.0]", "survey_height_m must be a number"),
        ("survey_m", "[201.0, 50.0]", "survey_m must leave 60 m .* at most 200, not 201"),
        ("roof_fires", "1", "roof_fires 1 needs halls"),
        ("water", "1", "water must be a bool"),
        ("title", "5", "title must be a str"),
    ],
)
def test_a_bad_scenario_names_the_key_and_what_is_allowed(key: str, value: str | None, words: str) -> None:
    with pytest.raises(ScenarioError, match=rf"scenario 'mine': {words}"):
        parse(with_line(key, value), "mine")


def test_a_slip_of_the_pen_is_named_by_its_line() -> None:
    with pytest.raises(ScenarioError, match=r"'mine'.*line 2"):
        parse("fires = 3\nwidth_m = = 4\n", "mine")


def test_the_seed_decides_the_world_and_nothing_else_does() -> None:
    scenario = load("uebungsplatz")
    one, again, other = build(scenario, 1), build(scenario, 1), build(scenario, 2)
    assert one.fires == again.fires
    assert (one.kelvin == again.kelvin).all() and (one.height_m == again.height_m).all()
    assert one.fires != other.fires


def test_as_many_fires_as_were_ordered_inside_of_the_bounds_that_were_ordered() -> None:
    scenario = replace(load("uebungsplatz"), fires=5)
    for seed in range(10):
        fires = build(scenario, seed).fires
        assert len(fires) == 5
        assert len({fire.number for fire in fires}) == 5
        for fire in fires:
            assert scenario.fire_radius_m[0] <= fire.radius_m <= scenario.fire_radius_m[1]
            assert scenario.fire_c[0] <= fire.kelvin - 273.15 <= scenario.fire_c[1]
