"""PLAN: what shall be flown, and is it flyable? Missions without a drone, a socket or a clock.

The way of the data::

    area (GeoJSON) ─► area.check_area ─► survey.survey ─► Mission ─► items.compile_items ─► MissionItem …
    camera profile ─┘      terrain ──────┘ (follow)                                          │
    files of others ─► formats.read ─► Plan (mission, fence, rally) ─────────────────────────┤
                                                                                             ▼
                        formats.write ◄── Plan ◄──────────── checks.check ─► CheckReport ─► CheckedMission ─► upload

`place_checks` looks along the legs, `reach_checks` along the ways home and `link_checks` to the antenna from everywhere
in the flight, `item_checks` at the numbers, `daylight` at the sun, `energy` at the battery. `coverage` says what a
flight will have seen, from the footprints of `views`. Other patterns than `survey`: `corridor`, `orbit`,
`search_plan`, `relook` in the order of `tour`, `standoff`, `structure`. `part` cuts a mission, `split` shares it;
`leg_table` and `sketch` show it.

`geometry/` holds the words of a flight (where, how oriented, through which lens, over which ground) and imports
nothing else from here. `mission` is what the crew means; `items` is the only file with command numbers; `fence`,
`path` and the `*_checks` read item lists the way ArduCopter does. `formats/` takes and returns text. The only file
that opens anything is `geometry/terrain_files`.

Only `checks.check` makes a `CheckedMission`, and only a `CheckedMission` can be uploaded. A *stop* can't be accepted
by anybody. A *warning* is accepted by a person with a reason and stays. What could not be checked (no terrain, an
unknown item) is a warning, never silence.

The traps, each of which has cost somebody an aircraft or a day:

- Item 0 is HOME. ArduPilot overwrites it, so a take-off there is lost without a word.
- An altitude means nothing without its datum: 60 m above home, sea level and terrain are three flights. A survey is
  written relative to home, and home's height is then taken from the same terrain that was followed.
- ArduCopter reads latitude = longitude = 0 as "here" and altitude 0 as "as high as now".
- What is stored is not what was sent (frames rewritten, centimetres, unused parameters zeroed): compare read-backs
  with `items.differences`, never field by field.
- NaN is fine in a command and for a waypoint's heading, and breaks an upload off in the middle anywhere else, which
  leaves old and new items mixed.
- GeoJSON says longitude first, people and `.plan` files latitude first. What looks swapped is refused, not turned.
- DO_JUMP counts rows in a waypoint file and `doJumpId` in a `.plan`.
- Several inclusion fences forbid everything that is not in all of them.
- A hole in an area is not a no-fly zone; only a fence is.
"""
