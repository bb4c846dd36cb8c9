# SPDX-License-Identifier: GPL-3.0-or-later
"""`postern probe` on servers of four makes, good ones and broken ones."""

import concurrent.futures
import json
import pathlib
import re
import socket
import subprocess

import pytest

from front import Front, haproxy, nginx
from postern import BINARY, DEADLINE, Mosquitto, free_port


def probe(port, *words, host="localhost"):
    return subprocess.run([BINARY, "probe", f"{host}:{port}", *words], capture_output=True,
                          text=True, timeout=DEADLINE + 15, check=False)


def last(done):
    return done.stdout.rstrip("\n").split("\n")[-1]


# ------------------------------------------------------------------------------- servers to look at


def tls_mosquitto(directory, chain, key, extra=""):
    """Mosquitto with a TLS listener beside its plaintext one."""
    port = free_port()
    broker = Mosquitto(directory, extra=f"listener {port} 127.0.0.1\ncertfile {chain}\nkeyfile {key}\n"
                                        f"{extra}")
    return broker, port


@pytest.fixture(params=["postern", "mosquitto", "haproxy", "nginx"])
def serve(request, start, mosquitto, tmp_path):
    """Serves a chain by a program of each make, and gives its port."""
    running = []

    def serve_one(chain, key):
        if request.param == "postern":
            return start(tls={"certificate": chain, "private_key": key}).port
        if request.param == "mosquitto":
            broker, port = tls_mosquitto(tmp_path, chain, key)
            running.append(broker)
            return port
        port, address = free_port(), mosquitto().address
        if request.param == "haproxy":
            both = tmp_path / "haproxy.pem"
            both.write_text(pathlib.Path(chain).read_text() + pathlib.Path(key).read_text())
            command = haproxy(tmp_path, port, address, accept=f"ssl crt {both}")
        else:
            command = nginx(tmp_path, port, address, accept="ssl",
                            inside=f"ssl_certificate {chain}; ssl_certificate_key {key};")
        running.append(Front(command, port, tmp_path / "front.log"))
        return port

    yield serve_one
    for one in running:
        one.stop()


@pytest.fixture(scope="module", autouse=True)
def silence(pki):
    """What becomes of a probe of a server that says nothing: it waits while the other tests run."""
    with socket.create_server(("127.0.0.1", 0)) as server, \
            concurrent.futures.ThreadPoolExecutor(1) as pool:
        yield pool.submit(probe, server.getsockname()[1], "--ca", pki.path("root.crt"))


# ------------------------------------------------------------------------------------------ chains


def test_a_good_server_is_all_good(serve, pki):
    port = serve(pki.path("server.pem"), pki.path("server.key"))
    done = probe(port, "--ca", pki.path("root.crt"))
    assert done.returncode == 0, done.stdout + done.stderr
    assert last(done) == "result    all good"
    for line in (f"connected 127.0.0.1:{port}", "tls       TLSv1.",
                 'chain     1 "CN=localhost,O=Postern Test", P-256 of 256 bits, until ',
                 "  signed by number 2", 'root      "CN=Test Root CA,O=Postern Test" in ',
                 'name      "localhost" is in the certificate', "verified  yes",
                 "mqtt      MQTT 5, CONNACK 0x00: success"):
        assert line in done.stdout, line


def test_the_missing_intermediate_is_named_and_found(serve, pki):
    """The seed of this project: the leaf alone is sent, and clients trust the root only."""
    port = serve(pki.path("server.crt"), pki.path("server.key"))
    key_id = pki.openssl("x509", "-in", pki.path("intermediate.crt"), "-noout", "-ext",
                         "subjectKeyIdentifier").split()[-1].replace(":", "").lower()
    done = probe(port, "--ca", pki.path("root.crt"))
    assert done.returncode == 1
    assert 'lacks the intermediate "CN=Test Intermediate CA,O=Postern Test"' in last(done)
    assert f"key id {key_id}" in last(done)
    assert str(pki.base) in last(done) and "append it to the server's chain" in last(done)
    answer = json.loads(probe(port, "--ca", pki.path("root.crt"), "--json").stdout)
    assert answer["good"] is False and answer["chain"]["verified"] is False
    assert answer["chain"]["missing"]["subject"] == "CN=Test Intermediate CA,O=Postern Test"
    assert answer["mqtt"]["code"] == 0, "the look goes on"


def test_an_intermediate_is_looked_for_alone_before_it_is_behind_a_leaf(start, pki, tmp_path):
    postern = start(tls={"certificate": pki.path("server.crt")})
    own, intermediate = ((pki.base / name).read_text() for name in ("sensor-1.pem", "intermediate.crt"))
    (tmp_path / "certs").mkdir()
    (tmp_path / "certs/root.pem").write_text((pki.base / "root.crt").read_text())
    for number in range(20):
        (tmp_path / f"certs/{number}.pem").write_text(own)
    words = ["--ca", str(tmp_path / "certs/root.pem")]
    assert re.search(r"it is in .*certs/\d+\.pem: append", last(probe(postern.port, *words)))
    (tmp_path / "certs/alone.pem").write_text(intermediate)
    assert "certs/alone.pem: append" in last(probe(postern.port, *words))


def test_an_intermediate_that_is_nowhere_is_named_by_its_key(start, pki, tmp_path):
    postern = start(tls={"certificate": pki.path("server.crt")})
    lonely = tmp_path / "lonely"
    lonely.mkdir()
    (lonely / "root.pem").write_text((pki.base / "root.crt").read_text())
    done = probe(postern.port, "--ca", str(lonely / "root.pem"))
    assert 'lacks the issuer of "CN=localhost,O=Postern Test"' in last(done)


def test_check_says_the_same_of_the_file(start, pki, tmp_path):
    config = tmp_path / "postern.yaml"
    config.write_text(f"""
listeners:
  - address: 127.0.0.1:8883
    tls: {{ certificate: {pki.path("server.crt")}, private_key: {pki.path("server.key")} }}
backends:
  - servers: [ 127.0.0.1:1883 ]
""")
    done = subprocess.run([BINARY, "check", "-c", config], capture_output=True, text=True, check=False)
    assert 'lacks the intermediate "CN=Test Intermediate CA,O=Postern Test"' in done.stdout
    assert "append it" in done.stdout


def test_a_chain_out_of_order_is_said(start, pki):
    pki.issue("misordered", common_name="localhost", usage="serverAuth", sans="DNS:localhost")
    chain = pki.write("misordered-chain.pem", "misordered.crt", "root.crt", "intermediate.crt")
    postern = start(tls={"certificate": chain, "private_key": pki.path("misordered.key")})
    done = probe(postern.port, "--ca", pki.path("root.crt"))
    assert "out of order" in last(done)


@pytest.mark.parametrize("name,dates,words", [
    ("expired-server", ["-startdate", "20200101000000Z", "-enddate", "20200201000000Z"], "expired"),
    ("early-server", ["-startdate", "20400101000000Z", "-enddate", "20410101000000Z"],
     "compare the clocks"),
])
def test_wrong_dates_are_said(tmp_path, pki, name, dates, words):
    pki.issue(name, common_name="localhost", usage="serverAuth", sans="DNS:localhost", dates=dates)
    broker, port = tls_mosquitto(tmp_path, pki.path(name + ".pem"), pki.path(name + ".key"))
    try:
        done = probe(port, "--ca", pki.path("root.crt"))
        assert done.returncode == 1 and words in last(done), done.stdout
    finally:
        broker.stop()


def test_a_name_that_does_not_fit_is_said(start, pki):
    postern = start()
    done = probe(postern.port, "--ca", pki.path("root.crt"), "--server-name", "other.example")
    assert 'not for "other.example", but for localhost' in last(done)
    assert probe(postern.port, "--ca", pki.path("root.crt"), host="127.0.0.1").returncode == 0


def test_a_ca_that_is_not_trusted_is_said(start, pki):
    postern = start()
    done = probe(postern.port, "--ca", str(pki.base / "strangers" / "root.crt"))
    assert done.returncode == 1 and "Test Root CA" in last(done)


def test_a_certificate_for_clients_is_no_servers(start, pki):
    pki.issue("client-only", common_name="localhost", sans="DNS:localhost")
    postern = start(tls={"certificate": pki.path("client-only.pem"),
                         "private_key": pki.path("client-only.key")})
    assert "may not be used by servers" in last(probe(postern.port, "--ca", pki.path("root.crt")))


# --------------------------------------------------------------------------------- clients and MQTT


def test_a_certificate_that_is_required_is_asked_for(start, pki):
    postern = start(tls={"client_certificate": "required", "client_ca": pki.path("ca.pem")})
    for tls in ("1.2", "1.3"):
        done = probe(postern.port, "--ca", pki.path("root.crt"), "--tls", tls)
        assert done.returncode == 1
        assert "certificate_required" in last(done) or "wants a client certificate" in last(done)
        done = probe(postern.port, "--ca", pki.path("root.crt"), "--tls", tls, "--cert",
                     pki.path("sensor-1.pem"), "--key", pki.path("sensor-1.key"))
        assert done.returncode == 0, done.stdout


def test_a_version_that_is_not_spoken_is_said(start, pki):
    postern = start(tls={"min_version": "1.3"})
    done = probe(postern.port, "--ca", pki.path("root.crt"), "--tls", "1.2")
    assert "protocol_version" in last(done)


def test_a_refused_connect_is_shown_with_its_reason(start, pki):
    postern = start(policies=[{"name": "p", "rules": [
        {"name": "strict", "require": {"certificate": True}}]}],
        tls={"client_certificate": "optional", "client_ca": pki.path("ca.pem")})
    done = probe(postern.port, "--ca", pki.path("root.crt"))
    assert done.returncode == 1
    assert 'requires a client certificate' in done.stdout
    assert last(done) == "wrong     the broker refuses the CONNECT with 0x87: not authorized"


def test_a_password_comes_from_a_file(tmp_path, pki):
    passwords = tmp_path / "passwords"
    subprocess.run(["mosquitto_passwd", "-b", "-c", passwords, "ann", "hush-hush"], check=True)
    (tmp_path / "secret").write_text("hush-hush\n")
    broker, port = tls_mosquitto(tmp_path, pki.path("server.pem"), pki.path("server.key"),
                                 f"allow_anonymous false\npassword_file {passwords}")
    try:
        words = ["--ca", pki.path("root.crt"), "--username", "ann"]
        assert "not authorized" in last(probe(port, *words))
        done = probe(port, *words, "--password-file", str(tmp_path / "secret"))
        assert done.returncode == 0 and "hush" not in done.stdout
    finally:
        broker.stop()


# ------------------------------------------------------------------------------------ no TLS at all


def test_nothing_there_is_said(pki):
    done = probe(free_port())
    assert done.returncode == 1 and "Connection refused" in last(done)
    assert "cannot be resolved" in last(probe(1, host="no.such.host.invalid"))


def test_a_plaintext_port_is_no_tls(mosquitto, pki):
    done = probe(mosquitto().port, "--ca", pki.path("root.crt"))
    assert done.returncode == 1 and "handshake" in last(done)


def test_a_silent_server_is_not_waited_for_for_ever(silence):
    assert "nothing more in the handshake within 10 s" in last(silence.result())


def test_mistakes_of_use_are_told():
    for words, said in ((["here"], "HOST:PORT"), (["h:1", "--cert", "x"], "belong together"),
                        (["h:1", "--tls", "1.1"], "1.2 or 1.3")):
        done = subprocess.run([BINARY, "probe", *words], capture_output=True, text=True, check=False)
        assert done.returncode == 2 and said in done.stderr


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_a_group_has_the_name_that_the_configuration_gives_it(start, pki, version):
    postern = start(tls={"groups": ["P-256"]})
    done = probe(postern.port, "--ca", pki.path("root.crt"), "--tls", version, "--json")
    assert json.loads(done.stdout)["tls"]["group"] == "P-256"
    assert "group=P-256 " in postern.wait_log("session closed")
