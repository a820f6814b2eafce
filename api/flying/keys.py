"""`fly signing setup|off|status`: one key for all vehicles of this ground station, kept on this computer alone."""

from __future__ import annotations

import argparse
import asyncio

from api.flying.call import Action, Call, now, refused
from api.settings import data_folder
from api.signing_store import NAME, load, new_key, save
from ground_station.operation import DONE, Outcome
from ground_station.signing import SetUpSigning


async def _signing(call: Call) -> list[Outcome]:
    verb = call.args.words[0]
    station, sysid, folder = call.session.station, call.vehicle.sysid, data_folder(None)
    if verb == "status":
        signing = station.signing
        signs = signing is not None and sysid in signing.vehicles
        return [Outcome("signing", DONE, "set up with this computer's key" if signs else "not set up from here")]
    if call.vehicle.state.armed:
        return refused(f"signing {verb}", "the vehicle is armed and does not change its key; nothing was sent")
    signing = station.signing or load(folder) or new_key()
    if verb == "off" and sysid not in signing.vehicles:
        return refused("signing off", "this vehicle was not set up from here; only who has its key can switch it off")
    try:
        await asyncio.to_thread(save, folder, signing)  # a key that is on board and nowhere else locks everybody out
    except OSError as error:
        return refused(f"signing {verb}", f"{folder / NAME} cannot be written ({error.strerror}); nothing was sent")
    station.signing = signing
    setup = SetUpSigning(sysid, signing, utc_s=station.utc_s(now()), now_s=now(), off=verb == "off")
    outcomes = await call.one(call.vehicle.start(setup))
    if outcomes[0].good:
        signing.vehicles = signing.vehicles - {sysid} if verb == "off" else signing.vehicles | {sysid}
        await asyncio.to_thread(save, folder, signing)
    return outcomes


def _check(args: argparse.Namespace) -> None:
    if args.words not in (["setup"], ["off"], ["status"]):
        raise ValueError("fly signing: allowed are `setup`, `off` and `status`")


ACTIONS = {"signing": Action(_signing, _check, lambda args: args.words == ["status"])}
