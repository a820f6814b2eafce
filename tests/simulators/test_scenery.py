"""The optional tables of a scenario: read as written, refused with entry, line and what is allowed."""

from __future__ import annotations

from importlib import resources

import pytest

from simulators.scenario import ScenarioError, parse
from simulators.tables import line_of

GOOD = (resources.files("simulators") / "scenarios" / "uebungsplatz.toml").read_bytes().decode("utf-8")
LINES = len(GOOD.splitlines())


def test_a_scenario_without_tables_is_a_night_without_any_of_it() -> None:
    scenario = parse(GOOD, "mine")
    assert (scenario.sun, scenario.smoke, scenario.atmosphere, scenario.terrain) == (None, None, None, None)
    assert scenario.burning == scenario.friend == ()


def test_tables_are_read_as_they_are_written_and_kinds_have_their_own_ranges() -> None:
    text = GOOD + (
        "[sun]\nelevation_deg = 55\nazimuth_deg = 180\n"
        '[[burning]]\nkind = "ember"\ncount = 12\nplace = "cluster"\nat_m = [-4, 3]\n'
        '[[burning]]\nkind = "front"\nradius_m = [10, 12.5]\ncover = 0\nmoves_m_per_min = 3\n'
        '[[friend]]\nkind = "person"\n[terrain]\nkind = "forest"\n[smoke]\n[atmosphere]\nhumidity = 0.9\n'
    )
    scenario = parse(text, "mine")
    assert scenario.sun is not None and (scenario.sun.elevation_deg, scenario.sun.clear) == (55.0, 1.0)
    embers, front = scenario.burning
    assert (embers.count, embers.place, embers.at_m) == (12, "cluster", (-4.0, 3.0))
    assert embers.radii_m[1] < 0.5 and embers.covered == 0.5
    assert (front.radii_m, front.covered, front.moves_m_per_min) == ((10.0, 12.5), 0.0, 3.0)
    assert scenario.friend[0].temperatures_c == (26.0, 32.0)
    assert scenario.terrain is not None and scenario.terrain.trees == 150.0
    assert scenario.smoke is not None and scenario.atmosphere is not None and scenario.atmosphere.humidity == 0.9


@pytest.mark.parametrize(
    ("added", "words"),
    [
        ("[sun]\nazimuth_deg = 10\n", r"\[sun\]: elevation_deg is missing \(line {0}\)"),
        ("[sun]\nelevation_deg = 95\nazimuth_deg = 1\n", r"\[sun\]: elevation_deg must be .* 90, not 95 \(line {1}\)"),
        ("[[sun]]\nelevation_deg = 5\nazimuth_deg = 1\n", r"\[sun\] must be a table"),
        ('[[burning]]\nkind = "lava"\n', r"\[\[burning\]\] 1: kind must be one of fire, ember, .* \(line {1}\)"),
        ('[[burning]]\nkind = "fire"\n[[burning]]\nkind = "peat"\ncover = 1.5\n',
         r"\[\[burning\]\] 2: cover must be a number .* 0.98, not 1.5 \(line {4}\)"),
        ('[[burning]]\nkind = "fire"\nflames = 2\n', r"\[\[burning\]\] 1: unknown key 'flames'; .* \(line {2}\)"),
        ('[burning]\nkind = "fire"\n', r"\[\[burning\]\] must be written with two brackets \(line {0}\)"),
        ('[[burning]]\nkind = "fire"\ncount = 1.5\n', r"count must be a whole number"),
        ('[[burning]]\nkind = "fire"\ncount = true\n', r"count must be a whole number"),
        ('[[burning]]\nkind = "fire"\ntemp_c = [500, 300]\n', r"temp_c must be \[low, high\]"),
        ('[[burning]]\nkind = "fire"\nat_m = [500, 0]\n', r"at_m must lie within 120 m"),
        ('[[burning]]\nkind = "roof"\n', r"\[\[burning\]\] 1: a roof fire needs halls"),
        ('[[burning]]\nkind = "ember"\ncount = 120\n[[burning]]\nkind = "ember"\ncount = 120\n', "at most 200 places"),
        ('[[friend]]\nkind = "dragon"\n', r"\[\[friend\]\] 1: kind must be one of glint, .*animal"),
        ("[terrain]\nrelief_m = nan\n", r"relief_m must be a number"),
        ("[radio]\nloss = 0.99\n", r"\[radio\]: loss must be a number between 0 and 0.95, not 0.99 \(line {1}\)"),
        ("[radio]\nloss = 0.9\nburst = 2\n", r"\[radio\]: .*burst must be 1 or at least 9.* \(line {0}\)"),
        ("[radio]\ncuts_s = [10, 12]\n", r"\[radio\]: cuts_s must be a list of \[from, to\]"),
        ("[weather]\nrain = 1\n", r"unknown key 'weather'; allowed are title, .*terrain.* \(line {0}\)"),
    ],
)  # fmt: skip
def test_a_bad_table_is_refused_by_entry_line_and_what_is_allowed(added: str, words: str) -> None:
    lines = [LINES + 1 + offset for offset in range(6)]
    with pytest.raises(ScenarioError, match="scenario 'mine': .*" + words.format(*lines)):
        parse(GOOD + added, "mine")


def test_a_bad_flat_key_is_named_by_its_line_too() -> None:
    with pytest.raises(ScenarioError, match=r"halls must be a number .* \(line 8\)"):
        parse(GOOD.replace("halls = 0", "halls = 99"), "mine")


def test_the_line_of_a_key_is_the_one_in_its_own_table() -> None:
    text = 'a = 1\n[[x]]\na = 2\n# [[x]]\n[y]\na = 3\n [[x]] # again\nb = "[[x]]"\na = 4\n'
    assert [line_of(text, "", 0, "a"), line_of(text, "[[x]]", 0, "a"), line_of(text, "[[x]]", 1, "a")] == [1, 3, 9]
    assert line_of(text, "[y]", 0, "missing") == 5 and line_of(text, "[z]") is None
