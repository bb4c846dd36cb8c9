# SPDX-License-Identifier: GPL-3.0-or-later
"""First-match rules, through real handshakes and CONNECTs."""

import datetime

import pytest

import mqtt_packets as mqtt

BACKENDS = [{"name": "default", "builtin_broker": True},
            {"name": "dead", "servers": ["127.0.0.1:1"]}]


def policy(*rules, otherwise="refuse"):
    return [{"name": "fleet", "rules": list(rules), "otherwise": otherwise}]


def code(postern, client_id, mqtt_version=4, username=None, **options):
    """The CONNACK's code."""
    with postern.client(mqtt_version, **options) as client:
        return client.connect(client_id, username=username).code


def test_the_first_rule_that_matches_decides(start):
    postern = start(policies=policy(
        {"name": "old", "match": {"client_id": "meter-v1-*"}, "require": {"tls_version": "1.2"}},
        {"name": "new", "match": {"client_id": "meter-*"}, "require": {"tls_version": "1.3"}}))
    assert code(postern, "meter-v1-7", version="1.2") == 0
    assert code(postern, "meter-v2-7", version="1.2") == 5
    assert code(postern, "meter-v2-7", version="1.3") == 0
    assert code(postern, "other", version="1.3") == 5
    assert "rule=old" in postern.wait_log("session closed.*client_id=meter-v1-7")
    assert "reason=no_rule" in postern.wait_log("client refused.*client_id=other")


@pytest.mark.parametrize("match,hits,misses", [
    ({"client_id": ["a-*", "b-?"]}, [("a-77", {}), ("b-1", {})], [("b-12", {}), ("c", {})]),
    ({"username": "u-*"}, [("x", {"username": "u-1"})], [("x", {"username": "v"}), ("x", {})]),
    ({"mqtt_version": ["3.1", "5"]}, [("x", {"mqtt_version": 3}), ("x", {"mqtt_version": 5})],
     [("x", {"mqtt_version": 4})]),
    ({"source": "127.0.0.0/8"}, [("x", {})], []),
    ({"source": ["10.0.0.0/8", "fd00::/8"]}, [], [("x", {})]),
    ({"server_name": "*.example"}, [("x", {"server_name": "device.A.example"})],
     [("x", {"server_name": None})]),
    ({"certificate": "present"}, [("x", {"identity": "sensor-1"})], [("x", {})]),
    ({"certificate": "absent"}, [("x", {})], [("x", {"identity": "sensor-1"})]),
])
def test_a_match_holds_for_what_it_names_only(start, pki, match, hits, misses):
    postern = start(policies=policy({"match": match}),
                    tls={"client_certificate": "optional", "client_ca": pki.path("root.crt"),
                         "certificate": pki.path("a.pem"), "private_key": pki.path("a.key")})

    def ask(client_id, options):
        context = postern.context(identity=options.pop("identity", None))
        context.check_hostname = False
        options.setdefault("server_name", "a.example")
        return code(postern, client_id, context=context, **options)

    for client_id, options in hits:
        assert ask(client_id, dict(options)) == 0, (client_id, options)
    for client_id, options in misses:
        assert ask(client_id, dict(options)) in (5, 0x87), (client_id, options)


def bound(start, pki, template="${client_id}"):
    return start(policies=policy({"require": {"certificate": {"common_name": template}}}),
                 tls={"client_certificate": "optional", "client_ca": pki.path("root.crt")})


def test_a_client_id_is_bound_to_the_certificate(start, pki):
    postern = bound(start, pki)
    assert code(postern, "sensor-1", identity="sensor-1") == 0
    assert code(postern, "sensor-2", identity="sensor-1") == 2
    assert code(postern, "sensor-2", 5, identity="sensor-1") == 0x85
    assert code(postern, "sensor-1") == 5, "no certificate fails closed"


def test_what_a_client_sends_is_no_pattern(start, pki):
    """A client id of * must not stand for every certificate."""
    postern = bound(start, pki)
    assert code(postern, "*", identity="sensor-1") == 2
    assert code(postern, "sensor-?", identity="sensor-1") == 2


def test_a_username_is_bound_to_the_certificate(start, pki):
    postern = bound(start, pki, "${username}")
    assert code(postern, "x", username="sensor-1", identity="sensor-1") == 0
    assert code(postern, "x", username="sensor-2", identity="sensor-1") == 4
    assert code(postern, "x", 5, username="sensor-2", identity="sensor-1") == 0x86
    assert code(postern, "x", identity="sensor-1") == 4, "no username fails closed"


def test_a_rule_ends_on_its_day(start):
    day = datetime.date.today()
    yesterday, tomorrow = (str(day + datetime.timedelta(days=days)) for days in (-1, 2))
    postern = start(policies=policy({"name": "past", "match": {"client_id": "p*"}, "until": yesterday},
                                    {"name": "still", "match": {"client_id": "s*"}, "until": tomorrow}))
    assert code(postern, "p1") == 5
    assert code(postern, "s1") == 0


def test_a_rule_chooses_the_backend(start):
    postern = start(backends=BACKENDS, listener={"backend": "default"},
                    policies=policy({"match": {"client_id": "d*"}, "backend": "dead"},
                                    otherwise="admit"))
    assert code(postern, "d1") == 3
    assert code(postern, "x") == 0
    assert "server=127.0.0.1:1" in postern.wait_log("backend unreachable.*client_id=d1")


def test_otherwise_admits_when_it_says_so(start):
    postern = start(policies=policy({"match": {"client_id": "x"}, "require": {"tls_version": "1.3"}},
                                    otherwise="admit"))
    assert code(postern, "anybody", version="1.2") == 0


def test_without_a_policy_everybody_comes_in(start):
    assert code(start(), "anybody", version="1.2") == 0


def test_an_empty_client_id_is_judged_like_any_other(start):
    postern = start(policies=policy({"match": {"client_id": "?*"}}))
    with postern.client() as client:
        client.send(mqtt.connect(4, ""))
        assert client.expect(mqtt.CONNACK).code == 5
