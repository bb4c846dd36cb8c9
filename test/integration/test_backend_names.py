# SPDX-License-Identifier: GPL-3.0-or-later
"""Servers by name: where the name leads is found out in the background, and again by its TTL."""


import pytest

import mqtt_packets as mqtt
from backend import Backend
from name_server import NameServer
from postern import DEADLINE, free_port, wait_until


@pytest.fixture
def world():
    """(name server, a maker of brokers on one port)."""
    names, port, made = NameServer(), free_port(), []

    def broker(host):
        made.append(Backend(host=host, port=port))
        return made[-1]

    broker.port = port
    yield names, broker
    names.close()
    for one in made:
        one.close()


def code(postern, client_id="x"):
    with postern.client() as client:
        return client.connect(client_id).code


def serve(start, names, broker, **backend):
    return start(backends=[{"servers": [f"broker.test:{broker.port}"], **backend}],
                 resolver=names.address)


@pytest.mark.threads
def test_a_name_is_followed_when_it_leads_elsewhere(start, world):
    names, broker = world
    one, other = broker("127.0.0.2"), broker("127.0.0.3")
    names.names["broker"] = (["127.0.0.2"], 1)
    postern = serve(start, names, broker)
    with postern.client() as stays:
        assert stays.connect("stays").code == 0
        names.names["broker"] = (["127.0.0.3"], 1)
        assert "addresses=127.0.0.3" in postern.wait_log("name resolved .*127.0.0.3")
        assert code(postern, "later") == 0
        assert len(one.connects) == 1 and len(other.connects) == 1
        stays.send(mqtt.publish(4, "t", "still here"))  # its address is gone, and it is not
        assert one.next().recv(2)[0] >> 4 == mqtt.PUBLISH


def test_no_client_waits_for_a_lookup(start, world):
    names, broker = world
    broker("127.0.0.2")
    names.names["broker"] = (["127.0.0.2"], 300)
    postern = serve(start, names, broker)
    assert [code(postern, f"c{number}") for number in range(20)] == [0] * 20
    assert names.count("broker") == 1


def test_the_last_good_answer_stays_when_there_is_no_new_one(start, world):
    names, broker = world
    broker("127.0.0.2")
    names.names["broker"] = (["127.0.0.2"], 1)
    postern = serve(start, names, broker)
    assert code(postern) == 0
    names.failing = True
    assert "server=broker.test:" in postern.wait_log("name not resolved, the last addresses stay")
    assert code(postern) == 0
    names.failing = False
    wait_until(lambda: postern.text.count("name resolved") == 2, "the name to be resolved again")


def test_a_name_that_does_not_exist_is_told_and_found_when_it_does(start, world):
    names, broker = world
    broker("127.0.0.2")
    postern = serve(start, names, broker)
    assert code(postern) == 3
    assert "its name is not resolved: " in postern.wait_log("backend unreachable")
    assert "error=" in postern.wait_log("name not resolved ")
    names.names["broker"] = (["127.0.0.2"], 60)
    postern.wait_log("name resolved")
    wait_until(lambda: code(postern) == 0, "a client to get through")


def test_a_check_says_once_that_a_name_is_not_resolved(start, world):
    names, broker = world
    postern = serve(start, names, broker, health_check={"type": "tcp", "interval": "50ms"})
    postern.wait_log("server down .*its check fails: its name is not resolved: ")
    wait_until(lambda: names.count("broker") > 1, "the name to be asked for again, many checks later")
    assert code(postern) == 3
    assert postern.wait_log("backend unreachable .* is down for ").count("its check fails") == 1


@pytest.mark.parametrize("check", [{"type": "off"}, {"type": "tcp", "interval": "50ms"}], ids=["unchecked", "checked"])
def test_a_first_answer_that_is_slow_is_waited_for(start, world, check):
    names, broker = world
    broker("127.0.0.2")
    names.names["broker"] = (["127.0.0.2"], 60)
    names.silent = True
    postern = serve(start, names, broker, connect_timeout="10s", health_check=check)
    with postern.client() as client:
        client.send(mqtt.connect(4, "early"))
        client.socket.settimeout(0.3)
        with pytest.raises(TimeoutError):  # and a check or two
            client.receive()
        client.socket.settimeout(DEADLINE)
        names.silent = False
        assert client.expect(mqtt.CONNACK).code == 0
    assert "server down" not in postern.text


def test_a_resolver_that_says_nothing_is_told(start, world):
    names, broker = world
    names.silent = True
    postern = serve(start, names, broker, connect_timeout="500ms")
    assert code(postern) == 3
    assert "not resolved within connect_timeout" in postern.wait_log("backend unreachable")


def test_every_address_of_a_name_is_tried(start, world):
    names, broker = world
    alive = broker("127.0.0.4")
    names.names["broker"] = (["127.0.0.2", "127.0.0.3", "127.0.0.4"], 60)
    postern = serve(start, names, broker)
    assert [code(postern, f"c{number}") for number in range(6)] == [0] * 6
    assert len(alive.connects) == 6
    assert "backend unreachable" not in postern.text


def test_addresses_of_a_name_take_turns_or_keep_their_clients(start, world):
    names, broker = world
    brokers = [broker(f"127.0.0.{host}") for host in (2, 3, 4)]
    names.names["broker"] = ([f"127.0.0.{host}" for host in (2, 3, 4)], 1)
    postern = serve(start, names, broker)
    assert [code(postern, "same") for _ in range(6)] == [0] * 6
    assert [len(one.connects) for one in brokers] == [2, 2, 2]
    hashed = serve(start, names, broker, balance="client_id")
    for _ in range(3):
        names.names["broker"] = (names.names["broker"][0][::-1], 1)
        assert [code(hashed, f"meter-{number}") for number in range(6)] == [0] * 6
    for one in brokers:
        ids = [connect[14:] for connect in one.connects[2:]]
        assert all(ids.count(client_id) == 3 for client_id in ids)


def test_a_check_follows_the_name_too(start, world):
    names, broker = world
    broker("127.0.0.3")
    names.names["broker"] = (["127.0.0.2"], 1)
    postern = serve(start, names, broker,
                    health_check={"type": "tcp", "interval": "200ms", "timeout": "500ms"})
    assert "connection refused" in postern.wait_log("server down")
    names.names["broker"] = (["127.0.0.3"], 1)
    postern.wait_log("server up")
    assert code(postern) == 0
