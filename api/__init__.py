"""TELL, and compose: the one package that sees everything.

    links, cameras → run (one task group) → situation ┬ store    journal first: nothing is shown that is not recorded
                                                      └ live     then the page: hub, video desk
    routes  what can be read over HTTP; no route sends anything to an aircraft
    cli     the verbs, one file each in commands

An incident is its folder: raw telemetry, the video as received, a terrain copy and an append-only journal of every
input of the fold. `replay --verify` folds it anew and compares byte for byte what was shown.

Four modes, on every screen, in every answer: EINSATZ, ÜBUNG, DEMO, WIEDERGABE. A demonstration or a recording can never
look live: any `log:` link makes a run a replay, whatever was asked for.

Freshness is per source, by the server's clock: link, telemetry, video, detection and recording each live (up to 3 s),
stale, or lost (after 10 s). With no detection running the answer is "no statement", not an empty list.

`conductor` flies demonstrations and rehearsals, and only the drone that they started themselves: it knows it by link
and token and commands nobody else. Nothing listens beyond loopback unless told to.
"""
