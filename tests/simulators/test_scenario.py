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
        ("fires", "2.5", "fires must be a whole number"),
        ("vehicles", "5", "vehicles must be a number between 1 and 4"),
        ("task", '"flood"', "task must be one of fire, embers, person, not 'flood'"),
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


def test_what_does_not_fit_together_is_named_by_its_line() -> None:
    lines = GOOD.splitlines()
    at = next(number for number, line in enumerate(lines, 1) if line.startswith("survey_m"))
    with pytest.raises(ScenarioError, match=rf"survey_m must leave 60 m .* \(line {at}\)"):
        parse(GOOD.replace("survey_m = [60.0, 50.0]", "survey_m = [230.0, 50.0]"), "mine")
    burning = '[[burning]]\nkind = "fire"\n\n[[burning]]\nkind = "ember"\nat_m = [400.0, 0.0]\n'
    with pytest.raises(ScenarioError, match=rf"\[\[burning\]\] 2: at_m must lie within .* \(line {len(lines) + 6}\)"):
        parse(GOOD + burning, "mine")


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ('[[traffic]]\ncallsign = "CHX 9"', r"\[\[traffic\]\] 1: callsign must be 1 to 8 of A-Z, 0-9 and -.*line 21"),
        ('[[traffic]]\ncallsign = "CHX9"', r"\[\[traffic\]\] 1: from_m is missing \(line 20\)"),
        ("[gnss]\nlost_s = [[60.0, 50.0]]", r"\[gnss\]: lost_s must be \[low, high\].*line 21"),
        ('[[friend]]\nkind = "animal"\nmissing = true', "only a person can be missing, not animal .*line 20"),
        ('[terrain]\nfile = ""', r"\[terrain\]: file must be the path of a file.*line 21"),
        ("[traffic]", r"\[\[traffic\]\] must be written with two brackets"),
    ],
)
def test_a_bad_table_of_what_happens_is_named_by_its_line(table: str, words: str) -> None:
    with pytest.raises(ScenarioError, match=words):
        parse(GOOD + table + "\n", "mine")


def test_brackets_without_end_are_no_traceback() -> None:
    with pytest.raises(ScenarioError, match="scenario 'mine'"):
        parse("a = " + "[" * 5000, "mine")


def test_the_shipped_ones_have_what_their_names_promise() -> None:
    assert load("nacht-ohne-gnss").gnss is not None and load("zwei-drohnen").vehicles == 2
    radio, traffic = load("schlechter-funk").radio, load("hubschrauber").traffic
    assert radio is not None and (radio.loss, radio.gap_s) == (0.3, 2.0)
    assert any(one.kind == "helicopter" and one.then == "stays" for one in traffic)
    assert [load(name).task for name in ("personensuche", "glutnester", "dachstuhl")] == ["person", "embers", "fire"]
    assert sum(friend.count for friend in load("personensuche").friend if friend.missing) == 1
