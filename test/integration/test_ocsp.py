# SPDX-License-Identifier: GPL-3.0-or-later
"""OCSP stapling: answers of OpenSSL's responder, seen by OpenSSL's client."""

import http.server
import pathlib
import re
import shutil
import socket
import subprocess
import threading
import time

import pytest

import pki as pki_module
from postern import DEADLINE, wait_until
from reloads import put
from test_check import check
from test_probe import probe


@pytest.fixture
def own(tmp_path):
    one = pki_module.Pki(tmp_path / "own")
    one.server("other", "other.example")
    return one


def server(own, responder="", staple=""):
    """A server certificate that names a responder."""
    more = f"\nauthorityInfoAccess=OCSP;URI:{responder}" if responder else ""
    own.issue("server", common_name="localhost", usage="serverAuth",
              sans="DNS:localhost" + more + ("\n1.3.6.1.5.5.7.1.24=DER:30:03:02:01:05" if staple else ""))


def answer(own, request, *more, signer="intermediate"):
    """A response of the CA's, or of whom it has named, to a request."""
    (own.base / "request.der").write_bytes(request)
    own.openssl("ocsp", "-index", own.path("intermediate.index"), "-CA", own.path("intermediate.crt"),
                "-rsigner", own.path(signer + ".crt"), "-rkey", own.path(signer + ".key"), "-reqin",
                own.path("request.der"), "-respout", own.path("response.der"),
                *(more or ("-ndays", "1")))
    return (own.base / "response.der").read_bytes()


def ask_for(own, name):
    own.openssl("ocsp", "-issuer", own.path("intermediate.crt"), "-cert", own.path(name + ".crt"),
                "-no_nonce", "-reqout", own.path("asked.der"))
    return (own.base / "asked.der").read_bytes()


class Responder:
    """Answers over HTTP as a test wants it."""

    def __init__(self, own):
        self.own, self.mode, self.asked = own, "good", 0
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                request = self.rfile.read(int(self.headers["Content-Length"]))
                outer.asked += 1
                if outer.mode == "hangs":
                    time.sleep(DEADLINE)
                    return
                body = {"garbage": lambda: b"hello", "empty": lambda: b"",
                        "other": lambda: answer(own, ask_for(own, "other")),
                        }.get(outer.mode, lambda: answer(own, request))()
                self.send_response(500 if outer.mode == "broken" else 200)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.url = "http://127.0.0.1:%d/ocsp" % self.http.server_address[1]
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    def close(self):
        self.http.shutdown()
        self.http.server_close()


@pytest.fixture
def responder(own):
    one = Responder(own)
    server(own, one.url)
    yield one
    one.close()


def stapled(postern, own, version="1.3"):
    """What s_client says of the stapled answer."""
    done = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{postern.port}", "-status",
                           "-servername", "localhost", "-CAfile", own.path("root.crt"),
                           "-tls" + version.replace(".", "_")], input="", capture_output=True,
                          text=True, timeout=DEADLINE, check=False)
    return done.stdout


def is_good(text):
    return "OCSP Response Status: successful" in text and "Cert Status: good" in text


# -------------------------------------------------------------------------------------------- files


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_the_answer_of_a_file_is_stapled(start, own, version):
    server(own)
    path = own.base / "staple.der"
    path.write_bytes(answer(own, ask_for(own, "server")))
    postern = start(pki=own, tls={"ocsp_stapling": str(path)})
    assert is_good(stapled(postern, own, version))
    plain = start(pki=own)
    assert "OCSP response: no response sent" in stapled(plain, own, version)
    with postern.client() as client:  # one that does not ask gets none, and is served
        assert client.connect("x").code == 0


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_probe_shows_the_stapled_answer(start, own, version):
    server(own)
    path = own.base / "staple.der"
    path.write_bytes(answer(own, ask_for(own, "server")))
    postern = start(pki=own, tls={"ocsp_stapling": str(path)})
    done = probe(postern.port, "--ca", own.path("root.crt"), "--tls", version)
    assert done.returncode == 0 and "ocsp      stapled, good" in done.stdout, done.stdout
    plain = start(pki=own)
    done = probe(plain.port, "--ca", own.path("root.crt"), "--tls", version)
    assert done.returncode == 0 and "ocsp      not stapled" in done.stdout, done.stdout


def test_a_delegated_responder_is_trusted(start, own):
    server(own)
    own.issue("delegate", usage="OCSPSigning")
    path = own.base / "staple.der"
    path.write_bytes(answer(own, ask_for(own, "server"), signer="delegate"))
    postern = start(pki=own, tls={"ocsp_stapling": str(path)})
    assert is_good(stapled(postern, own))


@pytest.mark.parametrize("make,words", [
    (lambda own: answer(own, ask_for(own, "other")), "about another certificate"),
    (lambda own: b"garbage", "no OCSP response"),
    (lambda own: answer(own, ask_for(own, "server"), signer="other"),
     "neither the certificate's issuer nor a responder"),
    (lambda own: None, "cannot read"),
])
def test_a_bad_file_staples_nothing_and_check_says_why(start, own, tmp_path, make, words):
    server(own)
    path = own.base / "staple.der"
    made = make(own)
    if made is not None:
        path.write_bytes(made)
    postern = start(pki=own, tls={"ocsp_stapling": str(path)})
    assert words in postern.text
    assert "no response sent" in stapled(postern, own)


def test_a_file_that_is_replaced_is_served_and_a_bad_one_is_not(start, own):
    server(own)
    path = own.base / "staple.der"
    path.write_bytes(answer(own, ask_for(own, "server")))
    postern = start(pki=own, tls={"ocsp_stapling": str(path)})
    before = re.search("This Update: (.*)", stapled(postern, own)).group(1)
    put_bytes(path, b"garbage")
    postern.wait_log("not loaded, the old one stays")
    assert is_good(stapled(postern, own))
    time.sleep(1.1)  # the time of an answer is in seconds
    put_bytes(path, answer(own, ask_for(own, "server")))

    def renewed():
        found = re.search("This Update: (.*)", stapled(postern, own))
        return found and found.group(1) != before

    wait_until(renewed, "the new answer")


def put_bytes(path, data):
    fresh = pathlib.Path(str(path) + ".new")
    fresh.write_bytes(data)
    fresh.rename(path)


# --------------------------------------------------------------------------------------------- auto


@pytest.mark.threads
@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_the_responder_is_asked_in_the_background(start, own, responder, version):
    postern = start(pki=own, tls={"ocsp_stapling": "auto"})
    postern.wait_log("OCSP answer stapled")
    for _ in range(3):
        assert is_good(stapled(postern, own, version))
    assert responder.asked == 1


@pytest.mark.parametrize("mode,words", [
    ("garbage", "no OCSP response"), ("empty", "answers with nothing"),
    ("other", "about another certificate"), ("broken", "HTTP status 500")])
def test_a_bad_answer_is_said_and_not_stapled(start, own, responder, mode, words):
    responder.mode = mode
    postern = start(pki=own, tls={"ocsp_stapling": "auto"})
    postern.wait_log("no OCSP answer to staple.*" + words)
    assert "no response sent" in stapled(postern, own)


def test_a_responder_that_hangs_delays_nobody(start, own, responder):
    responder.mode = "hangs"
    postern = start(pki=own, tls={"ocsp_stapling": "auto"})
    wait_until(lambda: responder.asked, "the question")
    began = time.monotonic()
    assert "no response sent" in stapled(postern, own)
    assert time.monotonic() - began < 3
    began = time.monotonic()
    postern.stop()
    assert time.monotonic() - began < 5, "nor the end"


def test_a_dead_responder_is_said_in_words(start, own):
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    server(own, f"http://127.0.0.1:{port}/")
    postern = start(pki=own, tls={"ocsp_stapling": "auto"})
    postern.wait_log("no OCSP answer to staple.*cannot be asked")


def test_the_last_good_answer_outlives_a_reload_and_a_bad_responder(start, own, responder):
    postern = start(pki=own, tls={"ocsp_stapling": "auto"})
    postern.wait_log("OCSP answer stapled")
    responder.mode = "broken"
    shutil.copy(own.path("other.key"), own.path("unrelated.key"))
    text = postern.file.read_text().replace("timeout: 1s", "timeout: 2s")
    put(postern.file, text)
    postern.wait_log("configuration loaded")
    assert is_good(stapled(postern, own))


def test_a_revoked_certificate_is_told_to_its_owner(start, own, responder):
    own.revoke("server")
    postern = start(pki=own, tls={"ocsp_stapling": "auto"})
    postern.wait_log("no OCSP answer to staple.*revoked: replace it at once")
    assert "no response sent" in stapled(postern, own)


def test_a_renewed_certificate_gets_its_own_answer(start, own, responder):
    postern = start(pki=own, tls={"ocsp_stapling": "auto"})
    postern.wait_log("OCSP answer stapled")
    server(own, responder.url)
    wait_until(lambda: responder.asked == 2, "the second question")
    wait_until(lambda: is_good(stapled(postern, own)), "its answer")


def test_check_warns_of_must_staple_and_of_nobody_to_ask(own, tmp_path):
    server(own, staple="yes")
    config = """
listeners:
  - address: 127.0.0.1:8883
    tls: {{ certificate: {certificate}, private_key: {key}, ocsp_stapling: {setting} }}
backends:
  - servers: [ 127.0.0.1:1883 ]
"""
    for setting, words in (("off", "may insist on a stapled OCSP answer"),
                           ("auto", "names no OCSP responder")):
        done = check(tmp_path, config.format(certificate=own.path("server.pem"),
                                             key=own.path("server.key"), setting=setting))
        assert words in done.stdout, done.stdout
