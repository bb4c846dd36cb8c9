# SPDX-License-Identifier: GPL-3.0-or-later
"""`postern explain` says what `postern run` does."""

import concurrent.futures
import json
import random
import subprocess

import pytest
import yaml

from postern import BINARY, DEADLINE, TlsClient, free_port

CLIENTS = 10000
POLICIES = 40


def explain(path, *words):
    done = subprocess.run([BINARY, "explain", "-c", path, *words], capture_output=True, text=True,
                          timeout=DEADLINE, check=False)
    return done


def write(tmp_path, rules, tls=None, **more):
    path = tmp_path / "postern.yaml"
    path.write_text(yaml.safe_dump({
        "listeners": [{"name": "devices", "address": "127.0.0.1:8883", "policy": "fleet",
                       "tls": {"certificate": "c", "private_key": "k", **(tls or {})}}],
        "backends": [{"name": "default", "servers": ["127.0.0.1:1883"]},
                     {"name": "legacy", "builtin_broker": True}],
        "policies": [{"name": "fleet", "rules": rules, **more}]}))
    return path


RULES = [{"name": "old", "match": {"client_id": "meter-v1-*"}, "backend": "legacy",
          "until": "2999-01-01"},
         {"name": "gone", "match": {"client_id": "*"}, "until": "2020-01-01"},
         {"name": "named", "match": {"username": {"regex": "op-[0-9]+"}},
          "require": {"certificate": True}},
         {"name": "all", "require": {"tls_version": "1.3"},
          "connect": {"username": "u-${client_id}", "user_properties": {"tls": "${tls.version}"}},
          "publish": {"allow": ["d/${client_id}/#"], "deny": ["d/+/secret"]}}]


def test_names_the_rule_and_why_no_earlier_one_decides(tmp_path):
    path = write(tmp_path, RULES)
    done = explain(path, "--client-id", "m-7", "--mqtt", "5")
    assert done.returncode == 0, done.stderr
    for line in ('rule        "old" (line', 'client_id "m-7" is not "meter-v1-*"',
                 'its until, 2020-01-01T00:00:00Z, has come',
                 'there is no username, which must be /op-[0-9]+/',
                 '"all" (line', "decides: its match holds", 'username "u-m-7"',
                 'user property tls: "1.3"', 'allow "d/m-7/#"', 'deny "d/+/secret"',
                 'admitted    to the backend "default": 127.0.0.1:1883'):
        assert line in done.stdout, line
    done = explain(path, "--client-id", "meter-v1-1", "--tls", "1.2")
    assert 'admitted    to the backend "legacy": the included broker' in done.stdout


def test_says_what_the_certificate_has_instead(tmp_path, pki):
    pki.issue("meter-7")
    path = write(tmp_path, [{"name": "gates", "match": {"certificate": {"common_name": "gate-*"}}}],
                 {"client_certificate": "optional", "client_ca": pki.path("ca.pem"),
                  "certificate": pki.path("a.pem"), "private_key": pki.path("a.key")})
    done = explain(path, "--certificate", pki.path("meter-7.pem"))
    assert 'the certificate\'s common name is "meter-7", not "gate-*"' in done.stdout, done.stdout


def test_says_that_a_listener_sees_no_certificate(tmp_path, pki):
    done = explain(write(tmp_path, [{"name": "all"}]), "--certificate", pki.path("a.pem"))
    assert done.returncode == 0 and "certificate none" in done.stdout
    assert done.stderr == "postern: devices asks for no certificate, so that it sees none\n"


def test_says_what_a_refused_client_gets(tmp_path):
    done = explain(write(tmp_path, RULES), "--client-id", "m-7", "--tls", "1.2")
    assert done.returncode == 3
    assert done.stdout.endswith(
        'MQTT 3.x    CONNACK 0x05\nMQTT 5      CONNACK 0x87\n'
        'refused     tls_version: rule "all" requires TLS 1.3, the client speaks TLS 1.2\n')


def test_a_client_of_mqtt_3_1_without_a_client_id_is_refused_before_any_rule(tmp_path):
    done = explain(write(tmp_path, [{"name": "all"}]), "--client-id", "", "--mqtt", "3.1")
    assert done.returncode == 3
    assert "CONNACK 0x02" in done.stdout and "refused     client_id_invalid: " in done.stdout
    assert explain(write(tmp_path, [{"name": "all"}]), "--client-id", "").returncode == 0


def test_only_topics_that_are_enforced_are_shown(tmp_path):
    path = write(tmp_path, [{"name": "r", "publish": {"allow": ["d/${client_id}/#", "all"],
                                                      "deny": ["d/${client_id}/x"]}}])
    for name, allow, deny in (("me", ["d/me/#", "all"], ["d/me/x"]),
                              ("+", ["all"], ["d/+/x"]), ("a/b", ["all"], ["d/a/b/x"]),
                              ("#", ["all"], ["#"])):
        answer = json.loads(explain(path, "--json", "--client-id", name).stdout)
        assert answer["publish"] == {"allow": allow, "deny": deny}, name


def test_machines_read_the_same(tmp_path):
    path = write(tmp_path, RULES, otherwise="admit")
    answer = json.loads(explain(path, "--json", "--username", "op-1").stdout)
    assert answer["admitted"] is False
    assert answer["refusal"]["reason"] == "certificate_missing"
    assert answer["refusal"]["mqtt_5_code"] == 0x87
    assert [rule["verdict"] for rule in answer["rules"]] == ["does not match"] * 2 + ["decides"]


def test_the_handshake_may_decide(tmp_path):
    path = write(tmp_path, RULES, {"min_version": "1.3", "client_certificate": "required",
                                   "client_ca": "ca"})
    assert "protocol_version" in explain(path, "--tls", "1.2").stdout
    done = explain(path)
    assert done.returncode == 3 and "a TLS alert, in the handshake" in done.stdout


def test_a_server_name_that_is_not_served_is_refused(tmp_path, pki):
    path = write(tmp_path, [{"name": "all"}],
                 {"certificate": pki.path("a.pem"), "private_key": pki.path("a.key"),
                  "unknown_server_name": "refuse"})
    for name, code in (("A.example", 0), ("x.a.example", 0), ("b.example", 3), (None, 0)):
        done = explain(path, *(["--server-name", name] if name else []))
        assert done.returncode == code, (name, done.stdout)


def test_what_is_not_known_is_a_mistake_of_use(tmp_path):
    path = write(tmp_path, RULES)
    for words, said in ((["--listener", "devces"], "did you mean devices?"),
                        (["--mqtt", "4"], "3.1, 3.1.1 or 5"), (["--tls", "1.1"], "1.2 or 1.3"),
                        (["--source", "here"], "an IP address")):
        done = explain(path, *words)
        assert done.returncode == 2 and said in done.stderr
    done = explain(path, "--certificate", "/nowhere")
    assert done.returncode == 1 and "/nowhere" in done.stderr
    done = explain(tmp_path / "none.yaml")
    assert done.returncode == 1 and "cannot read" in done.stderr


# --------------------------------------------------------------------------------------- agreement

IDS = ["", "a", "b", "ab", "a-1", "b-1", "meter-1", "meter-22", "sensor-1", "sensor-2", "x/y", "*"]
GLOBS = ["*", "a*", "*1", "?", "meter-*", "sensor-?", "*-*", "nobody", "", {"regex": "[ab]+"},
         {"regex": "(meter|sensor)-[0-9]+"}]
TEMPLATES = ["${client_id}", "sensor-*", "${username}", "*", "${server_name}",
             {"regex": "sensor-[12]"}]


def some(source, values):
    picked = [source.choice(values) for _ in range(source.randint(1, 3))]
    return picked[0] if len(picked) == 1 and source.random() < 0.5 else picked


def certificate_rule(source):
    rule = {}
    if source.random() < 0.6:
        rule["common_name"] = some(source, TEMPLATES)
    if source.random() < 0.2:
        rule["issuer"] = source.choice(["*Intermediate*", "*Root*"])
    if source.random() < 0.2:
        rule["san_uri"] = source.choice(["spiffe://*", "urn:*"])
    if source.random() < 0.2:
        rule["key"] = source.choice([{"ecdsa_curves": ["P-256"]}, {"rsa_min_bits": 2048}])
    if source.random() < 0.2:
        rule["max_lifetime"] = source.choice(["10d", "400d"])
    if source.random() < 0.2:
        rule["extended_key_usage"] = source.choice(["clientAuth", "1.2.3.4"])
    return rule


def random_rule(source, number):
    match, require = {}, {}
    if source.random() < 0.6:
        match["client_id"] = some(source, GLOBS)
    if source.random() < 0.3:
        match["username"] = some(source, GLOBS)
    if source.random() < 0.2:
        match["server_name"] = source.choice(["local*", "*.example", "LOCALHOST"])
    if source.random() < 0.2:
        match["source"] = source.choice(["127.0.0.0/8", "10.0.0.0/8"])
    if source.random() < 0.3:
        match["mqtt_version"] = some(source, ["3.1", "3.1.1", "5"])
    if source.random() < 0.3:
        match["certificate"] = source.choice(["present", "absent", certificate_rule(source)])
    if source.random() < 0.4:
        require["tls_version"] = source.choice(["1.2", "1.3"])
    if source.random() < 0.4:
        require["certificate"] = source.choice([True, certificate_rule(source)])
    rule = {"name": f"r{number}", "match": match, "require": require}
    if source.random() < 0.2:
        rule["connect"] = {"username": source.choice(["${certificate.common_name}",
                                                      "u-${username}", "${client_id}"])}
    if source.random() < 0.1:
        rule["until"] = source.choice(["2020-01-01", "2999-01-01"])
    return rule


def random_client(source):
    return {"listener": source.randrange(POLICIES), "client_id": source.choice(IDS),
            "username": source.choice([None, "", "a", "b", "sensor-1", "meter-1"]),
            "mqtt": source.choice([3, 4, 5]), "tls": source.choice(["1.2", "1.3"]),
            "identity": source.choice([None, "sensor-1", "sensor-2"]),
            "server_name": source.choice([None, "localhost", "b.example"])}


def run_it(contexts, ports, client):
    """The code of the CONNACK, or None: it ended before."""
    try:
        with TlsClient(ports[client["listener"]], client["mqtt"],
                       contexts[client["identity"], client["tls"]], client["server_name"], None,
                       DEADLINE) as one:
            return one.connect(client["client_id"], username=client["username"]).code
    except OSError:
        return None


def explained(path, pki, client):
    words = ["--json", "--listener", f"l{client['listener']}", "--client-id", client["client_id"],
             "--mqtt", {3: "3.1", 4: "3.1.1", 5: "5"}[client["mqtt"]], "--tls", client["tls"]]
    if client["username"] is not None:
        words += ["--username", client["username"]]
    if client["identity"]:
        words += ["--certificate", pki.path(client["identity"] + ".pem")]
    if client["server_name"]:
        words += ["--server-name", client["server_name"]]
    done = explain(path, *words)
    answer = json.loads(done.stdout)
    assert done.returncode == (0 if answer["admitted"] else 3)
    if answer["admitted"]:
        return 0
    if answer["refusal"]["where"] == "handshake":
        return None
    return answer["refusal"]["mqtt_5_code" if client["mqtt"] == 5 else "mqtt_3_code"]


@pytest.mark.release_only
def test_explain_agrees_with_run_on_random_clients_and_policies(start, pki):
    source = random.Random(20261123)
    policies = [{"name": f"p{number}", "otherwise": source.choice(["refuse", "admit"]),
                 "rules": [random_rule(source, rule) for rule in range(source.randint(1, 4))]}
                for number in range(POLICIES)]
    ports = []
    while len(ports) < POLICIES:
        ports = list({free_port() for _ in range(2 * POLICIES)})[:POLICIES]
    listeners = [{"name": f"l{number}", "address": f"127.0.0.1:{port}", "policy": f"p{number}",
                  "tls": {"certificate": pki.path("server.pem"),
                          "private_key": pki.path("server.key"),
                          "client_certificate": "optional", "client_ca": pki.path("ca.pem")}}
                 for number, port in enumerate(ports)]
    postern = start(listeners=listeners, policies=policies, log={"level": "error"})
    contexts = {}
    for identity in (None, "sensor-1", "sensor-2"):
        for tls in ("1.2", "1.3"):
            context = postern.context(identity=identity, version=tls)
            context.check_hostname = False
            contexts[identity, tls] = context
    clients = [random_client(source) for _ in range(CLIENTS)]
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        real = list(pool.map(lambda one: run_it(contexts, ports, one), clients))
        said = list(pool.map(lambda one: explained(postern.file, pki, one), clients))
    wrong = [(client, here, there) for client, here, there in zip(clients, real, said)
             if here != there]
    assert not wrong, (len(wrong), wrong[:5])
    assert 0.1 < real.count(0) / len(real) < 0.9, "both ends must be there to agree on"
