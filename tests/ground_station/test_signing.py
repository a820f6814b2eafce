"""Signatures: right by another implementation, forgeries and replays refused, nobody locked out by a false future."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ground_station.signing import SetUpSigning, Signing, key_of, ticks
from ground_station.station import Station
from ground_station.wire import Encoder, Message, Parser, Received, mavlink

KEY, OTHER = key_of("Wache 3"), key_of("somebody else")
UTC_S = 1_790_000_000.0


def _frame(sysid: int = 1, message: Message | None = None) -> bytes:
    return Encoder(sysid, 1).encode(message or mavlink.MAVLink_heartbeat_message(2, 3, 81, 4, 3, 3))


def _received(frame: bytes) -> Received:
    (received,) = Parser().feed(frame)
    assert received.frame == frame
    return received


def _ours(vehicles: frozenset[int] = frozenset({1})) -> Signing:
    return Signing(KEY, vehicles)


def _by(key: bytes, utc_s: float, *, link_id: int = 0, **more: object) -> Received:
    return _received(Signing(key).sign(_frame(**more), link_id=link_id, utc_s=utc_s))  # type: ignore[arg-type]


def test_a_key_of_a_passphrase_is_mission_planners() -> None:
    assert key_of("abc").hex().startswith("ba7816bf8f01cfea")  # SHA-256's own test vector
    with pytest.raises(ValueError, match="32 bytes, not 3"):
        Signing(b"abc")
    assert KEY.hex() not in repr(_ours()) and str(KEY) not in repr(_ours())


def test_pymavlink_believes_what_we_sign_and_we_what_it_signs() -> None:
    theirs = mavlink.MAVLink(None, srcSystem=1, srcComponent=1)
    theirs.signing.secret_key, theirs.signing.sign_outgoing = KEY, True
    theirs.signing.link_id, theirs.signing.timestamp = 3, ticks(UTC_S)
    signed = Signing(KEY).sign(_frame(255), link_id=2, utc_s=UTC_S)
    (message,) = theirs.parse_buffer(signed)
    assert message.get_type() == "HEARTBEAT" and message.get_signed()
    frame = bytes(mavlink.MAVLink_attitude_message(1, 0, 0, 0, 0, 0, 0).pack(theirs))
    assert _ours().accepts(_received(frame), utc_s=UTC_S)


@given(st.integers(0, 10_000))
def test_every_single_changed_bit_is_refused(bit: int) -> None:
    frame = bytearray(Signing(KEY).sign(_frame(), link_id=0, utc_s=UTC_S))
    bit %= 8 * (len(frame) - 3)
    frame[3 + bit // 8] ^= 1 << bit % 8
    assert not _ours().is_signed_by_us(bytes(frame))


def test_unsigned_wrongly_signed_and_repeated_frames_are_refused_each_by_its_reason() -> None:
    signing = _ours()
    good = _by(KEY, UTC_S)
    assert signing.accepts(good, utc_s=UTC_S)
    assert not signing.accepts(good, utc_s=UTC_S)  # the same again
    assert not signing.accepts(_by(KEY, UTC_S - 0.001), utc_s=UTC_S)  # an older one
    assert not signing.accepts(_received(_frame()), utc_s=UTC_S)
    assert not signing.accepts(_by(OTHER, UTC_S + 1.0), utc_s=UTC_S)
    assert (signing.refusals.unsigned, signing.refusals.wrong, signing.refusals.old) == (1, 1, 2)
    assert signing.accepts(_by(KEY, UTC_S + 0.001), utc_s=UTC_S)


def test_a_forgery_from_the_future_locks_nobody_out() -> None:
    signing = _ours()
    assert signing.accepts(_by(KEY, UTC_S), utc_s=UTC_S)
    for link_id in range(4):
        assert not signing.accepts(_by(OTHER, UTC_S + 1e6, link_id=link_id), utc_s=UTC_S)
    assert signing.accepts(_by(KEY, UTC_S + 0.01), utc_s=UTC_S)
    assert signing.timestamp <= ticks(UTC_S + 0.02)


def test_a_stream_that_begins_may_be_a_minute_old_and_no_more() -> None:
    assert _ours().accepts(_by(KEY, UTC_S - 59.0), utc_s=UTC_S)
    assert not _ours().accepts(_by(KEY, UTC_S - 61.0), utc_s=UTC_S)


def test_our_time_never_goes_back_and_follows_a_vehicle_that_runs_ahead() -> None:
    signing = Signing(KEY, frozenset({1}), timestamp=ticks(UTC_S + 100.0))  # kept from before; the clock was set back
    first = signing.sign(_frame(255), link_id=0, utc_s=UTC_S)
    again = signing.sign(_frame(255), link_id=0, utc_s=UTC_S)
    stamps = [int.from_bytes(frame[-12:-6], "little") for frame in (first, again)]
    assert ticks(UTC_S + 100.0) < stamps[0] < stamps[1]
    assert signing.accepts(_by(KEY, UTC_S + 500.0), utc_s=UTC_S)
    assert int.from_bytes(signing.sign(_frame(255), link_id=0, utc_s=UTC_S)[-12:-6], "little") > ticks(UTC_S + 499.0)


def test_a_radios_report_and_other_vehicles_need_no_signature() -> None:
    signing = _ours()
    report = mavlink.MAVLink_radio_status_message(1, 2, 3, 4, 5, 6, 7)
    assert signing.accepts(_received(_frame(1, report)), utc_s=UTC_S)
    assert signing.accepts(_received(_frame(2)), utc_s=UTC_S)


def test_a_station_believes_only_what_is_signed_and_signs_what_it_sends() -> None:
    station = Station(signing=_ours())
    station.receive(_frame(), link="udp", now_s=1.0, utc_s=UTC_S + 1.0)
    assert not station.vehicles
    vehicle = Signing(KEY)
    station.receive(vehicle.sign(_frame(), link_id=0, utc_s=UTC_S + 1.0), link="udp", now_s=1.0, utc_s=UTC_S + 1.0)
    station.receive(_frame(2), link="udp", now_s=1.0, utc_s=UTC_S + 1.0)
    station.tick(now_s=1.1)
    out = station.take_outgoing(now_s=1.1)
    stamps = [int.from_bytes(o.data[-12:-6], "little") for o in out if vehicle.is_signed_by_us(o.data)]
    assert set(station.vehicles) == {1, 2} and stamps == sorted(set(stamps))  # each is later than the one before
    assert len(stamps) == len(out) // 2  # vehicle 2 was never set up


# --- setting up, against the simulated autopilot ----------------------------------------------------------------------
def test_setup_is_done_when_the_vehicles_frames_show_it_and_off_when_they_do_not(rig) -> None:  # type: ignore[no-untyped-def]
    vehicle, signing = rig.vehicle, Signing(KEY)
    rig.station.signing = signing
    setup = SetUpSigning(1, signing, utc_s=rig.station.utc_s(rig.now_s), now_s=rig.now_s)
    assert rig.finish(vehicle.start(setup)).outcome == "done"
    assert len(rig.sent_of("SETUP_SIGNING")) == 1
    signing.vehicles = frozenset({1})
    rig.run(5.0)
    assert vehicle.state.age_s(rig.now_s) < 1.1 and signing.refusals.wrong == signing.refusals.unsigned == 0
    assert rig.finish(vehicle.set_mode("GUIDED", now_s=rig.now_s)).good
    assert len(rig.sent_of("SETUP_SIGNING")) == 1  # the key never travels again
    off = SetUpSigning(1, signing, utc_s=rig.station.utc_s(rig.now_s), now_s=rig.now_s, off=True)
    assert rig.finish(vehicle.start(off)).outcome == "done"


def test_a_vehicle_that_does_not_hear_the_key_is_not_called_set_up(rig) -> None:  # type: ignore[no-untyped-def]
    vehicle, signing = rig.vehicle, Signing(KEY)
    rig.station.signing = signing
    rig.up = lambda received: received.name != "SETUP_SIGNING"
    setup = SetUpSigning(1, signing, utc_s=rig.station.utc_s(rig.now_s), now_s=rig.now_s)
    assert rig.finish(vehicle.start(setup), 20.0).outcome == "unknown"
    assert len(rig.sent_of("SETUP_SIGNING")) == 3


def test_an_armed_vehicle_keeps_its_key(rig) -> None:  # type: ignore[no-untyped-def]
    vehicle, signing = rig.ready(), Signing(KEY)
    rig.finish(vehicle.arm(now_s=rig.now_s))
    setup = SetUpSigning(1, signing, utc_s=rig.station.utc_s(rig.now_s), now_s=rig.now_s)
    outcome = rig.finish(vehicle.start(setup), 20.0)
    assert outcome.outcome == "refused" and "armed" in outcome.reason
