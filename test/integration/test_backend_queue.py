# SPDX-License-Identifier: GPL-3.0-or-later
"""The queue of a backend: who waits for a server with room, and who is served next."""

import contextlib
import re
import statistics
import time

import pytest

import mqtt_packets as mqtt
from admin import metrics, with_admin
from backend import Backend
from postern import wait_until
from reloads import change, loads

LOOK = 0.064  # a tick of the timer wheel, by which waiting clients once looked for room


@pytest.fixture
def servers():
    made = [Backend() for _ in range(2)]
    yield made
    for one in made:
        with contextlib.suppress(OSError):  # one that a test has closed
            one.close()


def full(start, server, **options):
    """A Postern whose only server serves one client, which is given with it."""
    backend = {"name": "default", "servers": [{"address": server.address, "max_connections": 1}],
               "queue": {"timeout": "60s"}}
    postern = with_admin(start, **{"backends": [backend], **options})
    first = postern.client()
    assert first.connect("first").code == 0
    return postern, first


def waiting(postern, backend="default"):
    return metrics(postern).value("postern_backend_waiting", backend=backend)


def queue_up(postern, count):
    """So many clients, each of which waits before the next one comes."""
    crowd = []
    for number in range(count):
        crowd.append(postern.client())
        crowd[-1].send(mqtt.connect(4, f"waits-{number:03}"))
        wait_until(lambda: waiting(postern) == len(crowd), "it to wait")
    return crowd


def leave(client, server):
    """The first one on it; the broker ends its side too."""
    client.socket.close()
    server.next().close()


def served(server):
    return [match[0].decode() for match in (re.search(rb"waits-\d+", one) for one in server.connects) if match]


@pytest.mark.threads
@pytest.mark.parametrize("workers", [1, 2])
def test_a_slot_goes_to_the_next_one_at_once_in_the_order_of_arrival(start, servers, workers):
    count = 30
    postern, before = full(start, servers[0], workers=workers)
    took = []
    crowd = queue_up(postern, count)
    for client in crowd:
        left = time.monotonic()
        leave(before, servers[0])
        assert client.expect(mqtt.CONNACK).code == 0
        took.append(time.monotonic() - left)
        before = client
    assert served(servers[0]) == [f"waits-{number:03}" for number in range(count)]
    print(f"{workers} workers: {statistics.median(took) * 1000:.1f} ms")
    assert statistics.median(took) < LOOK / 2, "as if they had looked for it now and then"
    assert waiting(postern) == 0
    before.socket.close()


@pytest.mark.threads
@pytest.mark.parametrize("workers", [1, 2])
def test_those_who_have_left_are_passed_over(start, servers, workers):
    postern, first = full(start, servers[0], workers=workers)
    crowd = queue_up(postern, 9)
    for number in (0, 1, 4, 8):
        crowd[number].socket.close()
        postern.wait_log(f"session closed .*client_id=waits-00{number}")
    leave(first, servers[0])
    for number in (2, 3, 5, 6, 7):
        assert crowd[number].expect(mqtt.CONNACK).code == 0
        leave(crowd[number], servers[0])
    with postern.client() as last:
        assert last.connect("last").code == 0
    assert served(servers[0]) == [f"waits-00{number}" for number in (2, 3, 5, 6, 7)]


@pytest.mark.threads
def test_a_reload_that_raises_the_limit_serves_the_first_ones_of_those_who_wait(start, servers):
    postern, first = full(start, servers[0], workers=2)
    crowd = queue_up(postern, 6)
    change(postern, lambda config: config["backends"][0]["servers"][0].update(max_connections=4))
    for client in crowd[:3]:
        assert client.expect(mqtt.CONNACK).code == 0
    assert waiting(postern) == 3
    assert sorted(served(servers[0])) == ["waits-000", "waits-001", "waits-002"]
    wait_until(lambda: loads(postern) == 1, "the reload")
    for number in range(3):  # by the limit that was raised, whoever is in since before or after
        leave([first, *crowd][number], servers[0])
        assert crowd[3 + number].expect(mqtt.CONNACK).code == 0
    for client in crowd:
        client.socket.close()


@pytest.mark.threads
@pytest.mark.parametrize("workers,limit", [(1, 1), (2, 4)])
def test_who_waits_for_a_server_that_a_reload_removes_gets_the_one_in_its_place(start, servers, workers, limit):
    """One worker's clients in the order in which they came."""
    postern, first = full(start, servers[0], workers=workers)
    crowd = queue_up(postern, 6)
    for client in crowd[:2]:
        client.socket.close()
    wait_until(lambda: waiting(postern) == 4, "two to leave")
    change(postern, lambda config: config["backends"][0].update(
        servers=[{"address": servers[1].address, "max_connections": limit}]))
    for client in crowd[2:]:
        assert client.expect(mqtt.CONNACK).code == 0
        if limit == 1:
            leave(client, servers[1])
    assert sorted(served(servers[1])) == [f"waits-00{number}" for number in range(2, 6)]
    assert len(servers[0].connects) == 1
    first.send(mqtt.packet(mqtt.PINGREQ, 0, b""))  # who is on the one that is gone stays there
    assert servers[0].next().recv(2) == b"\xc0\x00"
    for client in crowd:
        client.socket.close()


@pytest.mark.threads
def test_who_waits_goes_to_the_backend_that_a_reload_gives_it(start, servers):
    others = {"name": "others", "servers": [servers[1].address]}
    rule = {"name": "all", "match": {"client_id": "*"}, "backend": "default"}
    policy = {"name": "p", "rules": [rule]}
    main = {"name": "default", "servers": [{"address": servers[0].address, "max_connections": 1}],
            "queue": {"timeout": "60s"}}
    postern, first = full(start, servers[0], backends=[main, others], policies=[policy], workers=2)
    crowd = queue_up(postern, 2)
    change(postern, lambda config: config["policies"][0]["rules"][0].update(backend="others"))
    for client in crowd:
        assert client.expect(mqtt.CONNACK).code == 0
        leave(client, servers[1])
    assert waiting(postern) == 0 and len(servers[0].connects) == 1
    postern.wait_log("session closed .*client_id=waits-000.* backend=others")
    first.socket.close()


def test_when_the_last_server_goes_down_who_waits_is_told_at_once(start, servers):
    check = {"type": "tcp", "interval": "100ms", "timeout": "1s", "fall": 1}
    postern, first = full(start, servers[0], backends=[
        {"name": "default", "servers": [{"address": servers[0].address, "max_connections": 1}],
         "queue": {"timeout": "60s"}, "health_check": check}])
    (waits,) = queue_up(postern, 1)
    servers[0].socket.shutdown(2)
    assert waits.expect(mqtt.CONNACK).code == 3
    assert "reason=no_backend" in postern.wait_log("client refused")
    first.socket.close()
