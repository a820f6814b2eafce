"""The hub: states are replaced, events arrive every one, and who is too far behind starts afresh."""

from __future__ import annotations

import asyncio
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from api.live import MAX_EVENTS, Hub, VideoDesk


def hotspot(key: str, **properties: Any) -> dict[str, Any]:
    return {"type": "Feature", "id": key, "properties": properties}


def publish(hub: Hub, topic: str, data: Any) -> None:
    hub.publish(topic, data, t_obs=None, t_srv=1.0)


def test_a_state_is_replaced_by_its_newer_value_an_event_is_not() -> None:
    hub = Hub()
    page = hub.join()
    for n in range(4):
        publish(hub, "vehicle/1", {"n": n})
        publish(hub, "hotspot", hotspot("hs-1", n=n))
    got = page.take()
    assert [e["data"]["n"] for e in got if e["topic"] == "vehicle/1"] == [3]
    assert [e["data"]["properties"]["n"] for e in got if e["topic"] == "hotspot"] == [0, 1, 2, 3]
    assert [e["seq"] for e in got] == sorted(e["seq"] for e in got)
    assert page.take() == []


def test_two_vehicles_are_two_states() -> None:
    hub = Hub()
    page = hub.join()
    publish(hub, "vehicle/1", {})
    publish(hub, "vehicle/2", {})
    assert {e["topic"] for e in page.take()} == {"vehicle/1", "vehicle/2"}


def test_a_snapshot_holds_the_last_of_everything_and_no_hotspot_that_is_gone() -> None:
    hub = Hub()
    publish(hub, "status", {"n": 1})
    publish(hub, "status", {"n": 2})
    publish(hub, "hotspot", hotspot("hs-1"))
    publish(hub, "hotspot", hotspot("hs-2"))
    publish(hub, "hotspot_gone", {"id": "hs-1"})
    publish(hub, "alarm", {"id": "alarm-hs-2"})
    data = hub.snapshot(t_srv=5.0)["data"]
    assert data["status"] == {"n": 2}
    assert [feature["id"] for feature in data["hotspots"]] == ["hs-2"]
    assert data["alarms"] == [{"id": "alarm-hs-2"}]


def test_a_page_that_is_too_far_behind_gets_a_snapshot_instead_of_a_torn_picture() -> None:
    hub = Hub()
    page = hub.join()
    page.needs_snapshot = False
    for n in range(MAX_EVENTS + 1):
        publish(hub, "hotspot", hotspot(f"hs-{n}"))
    assert page.needs_snapshot
    assert len(page.take()) <= MAX_EVENTS
    assert len(hub.snapshot(t_srv=0.0)["data"]["hotspots"]) == MAX_EVENTS + 1


def test_only_the_same_epoch_can_be_resumed_and_every_event_since_comes() -> None:
    hub, other = Hub(), Hub()
    for n in range(3):
        publish(hub, "hotspot", hotspot(f"hs-{n}"))
    assert hub.resumable(hub.epoch, 1) and not hub.resumable(other.epoch, 1) and not hub.resumable(hub.epoch, 99)
    assert [e["data"]["id"] for e in hub.since(1)] == ["hs-1", "hs-2"]


def test_a_page_that_left_costs_nothing() -> None:
    hub = Hub()
    page = hub.join()
    hub.leave(page)
    publish(hub, "hotspot", hotspot("hs-1"))
    assert hub.pages == 0 and page.take() == []


@given(st.lists(st.tuples(st.sampled_from(["status", "vehicle/1", "coverage"]), st.integers()), max_size=40))
def test_however_rarely_a_page_looks_its_last_states_are_the_hubs(values: list[tuple[str, int]]) -> None:
    hub = Hub()
    page = hub.join()
    shown: dict[str, int] = {}
    for n, (topic, value) in enumerate(values):
        publish(hub, topic, value)
        if n % 7 == 0:
            shown |= {e["topic"]: e["data"] for e in page.take()}
    shown |= {e["topic"]: e["data"] for e in page.take()}
    assert shown == hub.states


async def test_the_video_desk_gives_the_newest_picture_and_never_an_older_one() -> None:
    desk = VideoDesk()
    desk.show("1/100", {"seq": 1}, b"one")
    desk.show("1/100", {"seq": 2}, b"two")
    number, header, jpeg = await desk.newer("1/100", 0)
    assert (header["seq"], jpeg) == (2, b"two")
    waiting = asyncio.create_task(desk.newer("1/100", number))
    other = asyncio.create_task(desk.newer("1/100", number))
    await asyncio.sleep(0)
    assert not waiting.done()
    desk.show("1/100", {"seq": 3}, b"three")
    assert (await asyncio.wait_for(waiting, 5))[2] == b"three"
    assert (await asyncio.wait_for(other, 5))[2] == b"three"
