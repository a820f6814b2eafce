"""How long the vehicle takes from its start until it can fly.

``MEASURED`` is ArduCopter 4.7 in SITL, asked to arm once a second from its start, in GUIDED and in STABILIZE: sensors
agree, the receiver has a fix, ten seconds later the estimator has its origin and with it home, and only half a minute
after the fix it flies by it. In STABILIZE, which needs no position, it arms 18 s earlier.

``SHORT`` is the same order of things in 12 s, ``QUICK`` in 4: for rehearsals and tests, and for demonstrations, in
which nothing is learnt from waiting. ``simulate`` is as slow as the real one unless ``--boot`` says otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Boot:
    """Seconds after the start. ``origin_s`` and ``position_s`` hold where the fix comes at ``fix_s``; a fix that comes
    later moves both."""

    initialised_s: float
    aligned_s: float
    """The estimator knows which way is up."""
    fix_s: float
    accels_s: float
    gyros_s: float
    """Accelerometers, then gyros have agreed for long enough."""
    origin_s: float
    """The estimator has its origin, the vehicle its home."""
    position_s: float


MEASURED = Boot(3.0, 6.0, 10.1, 13.9, 23.9, 20.2, 41.6)
SHORT = Boot(3.0, 6.0, 12.0, 11.0, 11.0, 12.0, 12.0)
QUICK = Boot(1.0, 1.0, 3.0, 3.0, 3.0, 4.0, 4.0)
BOOTS = {"measured": MEASURED, "short": SHORT, "quick": QUICK}
