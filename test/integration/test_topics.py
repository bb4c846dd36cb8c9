# SPDX-License-Identifier: GPL-3.0-or-later
"""What a client may publish and subscribe to, through real brokers; and how much it may send."""

import subprocess
import time

import pytest

import mqtt_packets as mqtt
from postern import DEADLINE, wait_until
from reloads import change, loads

OWN = {"name": "own", "publish": {"allow": ["d/${client_id}/#"], "deny": ["d/+/secret"]},
       "subscribe": {"allow": ["d/${client_id}/#", "broadcast/#"], "deny": ["d/+/secret"]}}


@pytest.fixture(params=["included", "mosquitto"])
def backends(request, mosquitto):
    if request.param == "included":
        return [{"builtin_broker": True}]
    return [{"servers": [mosquitto().address]}]


def fleet(**more):
    return [{"name": "fleet", "rules": [{"name": "watcher", "match": {"client_id": "watcher"}},
                                        {**OWN, **more}]}]


def watch(postern):
    watcher = postern.client(4)
    assert watcher.connect("watcher").code == 0
    watcher.subscribe("#", 1)
    return watcher


def test_only_allowed_messages_reach_the_broker_in_mqtt_3(start, backends):
    postern = start(policies=fleet(), backends=backends)
    with watch(postern) as watcher, postern.client(4) as client:
        client.connect("me")
        client.send(mqtt.publish(4, "d/me/a", b"1"), mqtt.publish(4, "d/you/a", b"2"),
                    mqtt.publish(4, "d/me/secret", b"3"),
                    mqtt.publish(4, "d/me/b", b"4" * 100000, 1, 7))
        assert client.expect(mqtt.PUBACK).packet_id == 7
        assert [watcher.expect(mqtt.PUBLISH).payload[:1] for _ in range(2)] == [b"1", b"4"]
        client.send(mqtt.publish(4, "d/you/a", b"5", 1, 8))
        client.expect_close()
    assert "reason=publish_not_allowed" in postern.wait_log("session closed.*client_id=me")


def test_mqtt_5_is_told_what_it_may_not(start, backends):
    postern = start(policies=fleet(), backends=backends)
    with watch(postern) as watcher, postern.client(5) as client:
        client.connect("me")
        client.send(mqtt.publish(5, "d/you/a", b"x", 1, 3), mqtt.publish(5, "x", b"x", 2, 4),
                    mqtt.publish(5, "x", b"x"), mqtt.publish(5, "d/me/a", b"mine", 1, 5))
        got = sorted((client.receive() for _ in range(3)), key=lambda one: one.packet_id)
        assert [(one.kind, one.packet_id, one.reason & 0x80) for one in got] == [
            (mqtt.PUBACK, 3, 0x80), (mqtt.PUBREC, 4, 0x80), (mqtt.PUBACK, 5, 0)]
        assert got[0].reason == got[1].reason == 0x87
        assert watcher.expect(mqtt.PUBLISH).payload == b"mine"
        client.ping()


@pytest.mark.parametrize("version,code", [(4, 0x80), (5, 0x87)])
def test_refused_filters_have_their_codes_and_the_others_pass(start, backends, version, code):
    postern = start(policies=fleet(), backends=backends)
    with postern.client(version) as client:
        client.connect("me")
        client.send(mqtt.subscribe(version, 9, ("d/me/x", 1), ("#", 1), ("broadcast/#", 0),
                                   ("d/me/secret", 1), ("d/+/x", 0)))
        answer = client.expect(mqtt.SUBACK)
        assert (answer.packet_id, answer.codes) == (9, [1, code, 0, code, code])
        client.send(mqtt.publish(version, "d/me/x", b"back"))
        assert client.expect(mqtt.PUBLISH).payload == b"back"
        assert client.subscribe("d/you/#").codes == [code]
        client.ping()


def test_wills_and_retained_messages_are_publishing(start, backends):
    postern = start(policies=fleet(), backends=backends)
    with postern.client(5) as client:
        refused = client.connect("me", will=("d/you/gone", b"", 0, False, b""))
        assert refused.code == 0x87
    assert "reason=will_topic" in postern.wait_log("client refused")
    with watch(postern) as watcher, postern.client(4) as client:
        client.connect("me", will=("d/me/gone", b"bye", 0, False, b""))
        client.send(mqtt.publish(4, "other", b"kept", retain=True))
        client.ping()
        client.close()
        assert watcher.expect(mqtt.PUBLISH).payload == b"bye"


def test_topic_aliases_are_resolved(start):
    postern = start(policies=fleet())
    alias = b"\x23\x00\x01"
    with watch(postern) as watcher, postern.client(5) as client:
        client.connect("me")
        client.send(mqtt.publish(5, "d/me/a", b"1", props=alias), mqtt.publish(5, "", b"2", props=alias),
                    mqtt.publish(5, "d/you/a", b"3", props=alias), mqtt.publish(5, "", b"4", props=alias),
                    mqtt.publish(5, "d/me/b", b"5", props=alias), mqtt.publish(5, "", b"6", props=alias))
        got = [watcher.expect(mqtt.PUBLISH) for _ in range(4)]
        assert [(one.topic, one.payload) for one in got] == [
            ("d/me/a", b"1"), ("d/me/a", b"2"), ("d/me/b", b"5"), ("d/me/b", b"6")]


def test_a_violation_of_qos_0_may_end_the_session(start):
    postern = start(policies=fleet(publish={"allow": ["d/${client_id}/#"],
                                            "on_violation": "close"}))
    for version in (4, 5):
        with postern.client(version) as client:
            client.connect("me")
            client.send(mqtt.publish(version, "x", b""))
            if version == 5:
                assert client.expect(mqtt.DISCONNECT).reason == 0x87
            client.expect_close()


def test_a_client_id_never_widens_what_it_may(start):
    postern = start(policies=fleet())
    for name in ("+", "#", "a/b", "+/x"):
        with postern.client(5) as client:
            client.connect(name)
            assert client.subscribe("d/me/x").codes == [0x87]
            client.send(mqtt.publish(5, "d/me/x", b"", 1, 2))
            assert client.expect(mqtt.PUBACK).reason == 0x87


def test_real_clients_are_held_to_their_topics(start, pki, mosquitto, tmp_path):
    postern = start(policies=fleet(), backends=[{"servers": [mosquitto().address]}])
    common = ["-h", "localhost", "-p", str(postern.port), "--cafile", pki.path("root.crt"), "-V", "5"]
    with watch(postern) as watcher:
        for topic in ("d/me/real", "elsewhere"):
            subprocess.run(["mosquitto_pub", *common, "-i", "me", "-q", "1", "-t", topic, "-m", topic],
                           check=False, capture_output=True, timeout=DEADLINE)
        assert watcher.expect(mqtt.PUBLISH).topic == "d/me/real"
        watcher.ping()
        done = subprocess.run(["mosquitto_sub", *common, "-i", "me", "-t", "elsewhere", "-W", "2"],
                              check=False, capture_output=True, text=True, timeout=DEADLINE)
        assert "denied" in done.stdout + done.stderr


def refuses(client, topic):
    client.send(mqtt.publish(5, topic, b"refused?", 1, 2))
    return client.expect(mqtt.PUBACK).reason == 0x87


def test_new_topics_are_for_who_is_connected_too(start):
    postern = start(policies=[{"name": "fleet", "rules": [{"name": "free"}]}])
    with watch(postern) as watcher, postern.client(5) as client:
        client.connect("me")
        client.send(mqtt.publish(5, "x", b"1"))
        assert watcher.expect(mqtt.PUBLISH).payload == b"1"
        change(postern, lambda config: config.update(policies=fleet()))
        postern.wait_log("configuration loaded")
        wait_until(lambda: refuses(client, "x"), "the new topics")


def test_an_alias_from_before_does_not_pass_by_new_topics(start):
    postern = start(policies=[{"name": "fleet", "rules": [{"name": "free"}]}])
    secret, free = b"\x23\x00\x01", b"\x23\x00\x02"
    with watch(postern) as watcher, postern.client(5) as client, postern.client(5) as other:
        client.connect("me")
        other.connect("you")
        client.send(mqtt.publish(5, "secret", b"1", props=secret))
        other.send(mqtt.publish(5, "other", b"2", props=free))
        assert {watcher.expect(mqtt.PUBLISH).payload for _ in range(2)} == {b"1", b"2"}
        before = loads(postern)
        change(postern, lambda config: config.update(policies=fleet(publish={"deny": ["secret"]})))
        wait_until(lambda: loads(postern) > before, "the new topics")
        wait_until(lambda: refuses(client, "secret"), "the new topics for this client")
        client.send(mqtt.publish(5, "", b"past the rule", props=secret))
        assert client.expect(mqtt.DISCONNECT).reason == 0x98
        client.expect_close()
        other.send(mqtt.publish(5, "fine", b"3", props=free), mqtt.publish(5, "", b"4", props=free))
        assert [watcher.expect(mqtt.PUBLISH).payload for _ in range(2)] == [b"3", b"4"]
    assert "reason=alias_of_before" in postern.wait_log("session closed.*client_id=me")


# ------------------------------------------------------------------------------------------ limits


def test_a_packet_over_the_limit_ends_the_session_before_its_payload(start):
    postern = start(limits={"max_packet_size": "1KiB"})
    for version in (4, 5):
        with postern.client(version) as client:
            client.connect("x")
            client.send(mqtt.publish(version, "t", b"x" * 900))
            client.ping()
            client.send(mqtt.publish(version, "t", b"x" * 2000)[:20])
            if version == 5:
                assert client.expect(mqtt.DISCONNECT).reason == 0x95
            client.expect_close()
    assert "reason=packet_too_large" in postern.wait_log("session closed.*mqtt=5")


@pytest.mark.parametrize("limits", [{"message_rate": 100}, {"byte_rate": "1KiB"}])
def test_a_rate_is_kept_without_a_loss(start, limits):
    postern = start(limits=limits)
    with postern.client(4) as watcher, postern.client(4) as client:
        watcher.connect("watcher")
        watcher.subscribe("t")
        client.connect("x", keep_alive=3)
        for wave in range(2):  # what one read brings is let through, and paid for by the next
            began = time.monotonic()
            client.send(b"".join(mqtt.publish(4, "t", b"%08d" % number) for number in range(250)))
            for number in range(250):
                assert watcher.expect(mqtt.PUBLISH).payload == b"%08d" % number
        assert 1.2 < time.monotonic() - began < 8
        client.ping()  # the keep alive has not struck, though nobody listened for so long


def test_without_limits_nothing_is_held(start):
    postern = start()
    with postern.client(4) as watcher, postern.client(4) as client:
        watcher.connect("watcher")
        watcher.subscribe("t")
        client.connect("x")
        client.send(b"".join(mqtt.publish(4, "t", b"x") for _ in range(1000)))
        for _ in range(1000):
            watcher.expect(mqtt.PUBLISH)
