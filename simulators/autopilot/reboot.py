"""A commanded reboot: the vehicle begins anew at boot time 0, with what it had stored and where it stands."""

from __future__ import annotations

from simulators.autopilot.core import Autopilot


def reborn(old: Autopilot) -> Autopilot:
    """The next life of a vehicle whose ``restarting`` is set.

    Kept are parameters, mission, fence, rally points, files, logs and the signing key. Gone are position and home,
    what was streamed and who was heard, a mission's progress, and a failsafe that had latched.
    """
    flight = old.pilot.flight
    new = Autopilot(
        old.pilot.plane,
        flight.ground_amsl_m,
        seed=old.seed,
        wind_m_s=0.0,
        utc_at_boot_s=old.utc_at_boot_s + old.now_s,
        sysid=old.sysid,
        uid=old.uid,
        boot=old.pilot.boot,
    )
    body = new.pilot.flight
    body.enu, body.velocity, body.wind = flight.enu.copy(), flight.velocity.copy(), flight.wind.copy()
    body.yaw = body.target_yaw = flight.yaw
    body.on_ground = flight.on_ground
    new.pilot.home = body.enu.copy()
    new.parameters.keep(old.parameters)
    new.transfers.keep(old.transfers)
    new.links.keep(old.links)
    new.ftp.disk, new.ftp.folders = old.ftp.disk, old.ftp.folders
    new.blackbox.finished.extend(old.blackbox.finished)
    return new
