# SPDX-License-Identifier: GPL-3.0-or-later
"""`postern certs`, judged by the openssl binary, Python's ssl and Postern itself."""

import os
import pathlib
import re
import ssl
import stat
import subprocess

import pytest

from postern import BINARY

FILES = ["root-ca.pem", "intermediate-ca.pem", "ca.pem", "broker.pem", "broker.key", "client.pem",
         "client.key", "ca.crl"]


class Folder:
    """A PKI that `postern certs init` made; what the fixtures want of one."""

    def __init__(self, path):
        self.base = pathlib.Path(path)

    def path(self, name):
        return str(self.base / name)


def certs(*arguments, expected=0):
    done = subprocess.run([BINARY, "certs", *map(str, arguments)], capture_output=True, text=True)
    assert done.returncode == expected, done.stdout + done.stderr
    return done.stdout if expected == 0 else done.stderr


def openssl(*arguments, expected=0):
    done = subprocess.run(["openssl", *map(str, arguments)], capture_output=True, text=True)
    assert (done.returncode == 0) == (expected == 0), done.stdout + done.stderr
    return done.stdout + done.stderr


def verify(folder, name, purpose, *more, expected=0):
    return openssl("verify", "-x509_strict", "-purpose", purpose,
                   "-CAfile", folder.path("root-ca.pem"),
                   "-untrusted", folder.path("intermediate-ca.pem"), *more, folder.path(name),
                   expected=expected)


def verify_with_crl(folder, name, purpose, expected=0):
    return verify(folder, name, purpose, "-crl_check_all", "-CRLfile", folder.path("ca.crl"),
                  expected=expected)


@pytest.fixture
def folder(tmp_path):
    certs("init", tmp_path / "pki")
    return Folder(tmp_path / "pki")


@pytest.mark.parametrize("kind", ["ecdsa", "rsa"])
def test_init_writes_files_that_openssl_accepts(tmp_path, kind):
    folder = Folder(tmp_path / "pki")
    certs("init", folder.base, "--key", kind)
    assert all((folder.base / name).is_file() for name in FILES)
    verify_with_crl(folder, "broker.pem", "sslserver")
    verify_with_crl(folder, "client.pem", "sslclient")
    assert openssl("x509", "-in", folder.path("broker.pem"), "-noout", "-pubkey") == openssl(
        "pkey", "-in", folder.path("broker.key"), "-pubout")
    for name in ("broker.pem", "client.pem", "ca.pem"):
        assert (folder.base / name).read_text().count("BEGIN CERTIFICATE") == 2
    assert (folder.base / "ca.crl").read_text().count("BEGIN X509 CRL") == 2


def test_keys_are_readable_by_their_owner_only(tmp_path):
    before = os.umask(0)
    try:
        certs("init", tmp_path / "pki")
    finally:
        os.umask(before)
    keys = sorted((tmp_path / "pki").rglob("*.key"))
    assert len(keys) == 4
    assert all(stat.S_IMODE(key.stat().st_mode) == 0o600 for key in keys)
    assert stat.S_IMODE((tmp_path / "pki/private").stat().st_mode) == 0o700


def test_certificates_have_the_extensions_that_verifiers_ask_for(tmp_path):
    folder = Folder(tmp_path / "pki")
    certs("init", folder.base, "--name", "broker.example", "--name", "192.0.2.7", "--name", "2001:db8::1",
          "--days", "20")
    leaf = openssl("x509", "-in", folder.path("broker.pem"), "-noout", "-text")
    assert "DNS:broker.example, IP Address:192.0.2.7, IP Address:2001:DB8:0:0:0:0:0:1" in leaf
    assert re.search(r"Basic Constraints: critical\s+CA:FALSE", leaf)
    assert re.search(r"Key Usage: critical\s+Digital Signature\n", leaf)
    assert re.search(r"Extended Key Usage:\s+TLS Web Server Authentication\n", leaf)
    assert "Subject Key Identifier" in leaf and "Authority Key Identifier" in leaf
    root = openssl("x509", "-in", folder.path("root-ca.pem"), "-noout", "-text")
    assert re.search(r"Basic Constraints: critical\s+CA:TRUE, pathlen:1", root)
    assert re.search(r"Key Usage: critical\s+Certificate Sign, CRL Sign", root)
    openssl("x509", "-in", folder.path("broker.pem"), "-noout", "-checkend", str(19 * 86400))
    openssl("x509", "-in", folder.path("broker.pem"), "-noout", "-checkend", str(21 * 86400),
            expected=1)


def test_init_never_overwrites_a_ca(folder):
    before = {path: path.read_bytes() for path in folder.base.rglob("*") if path.is_file()}
    assert "never overwritten" in certs("init", folder.base, expected=1)
    assert before == {path: path.read_bytes() for path in folder.base.rglob("*") if path.is_file()}


def test_a_client_never_gets_the_file_of_a_server(folder):
    for kind, name, other in (("client", "broker", "server"), ("server", "client", "client")):
        before = [(folder.base / (name + end)).read_bytes() for end in (".pem", ".key")]
        said = certs(kind, folder.base, name, expected=1)
        assert f"{name}.pem is the certificate of a {other}: choose another name" in said
        assert before == [(folder.base / (name + end)).read_bytes() for end in (".pem", ".key")]


def test_client_and_server_are_issued_and_revoked(folder):
    certs("client", folder.base, "meter-7", "--san-uri", "urn:dev:7", "--days", "3")
    certs("server", folder.base, "b.example", "--key", "rsa")
    verify_with_crl(folder, "meter-7.pem", "sslclient")
    verify_with_crl(folder, "b.example.pem", "sslserver")
    assert "URI:urn:dev:7" in openssl("x509", "-in", folder.path("meter-7.pem"), "-noout", "-text")
    certs("revoke", folder.base, "meter-7")
    assert "certificate revoked" in verify_with_crl(folder, "meter-7.pem", "sslclient", expected=1)
    verify_with_crl(folder, "b.example.pem", "sslserver")
    assert "nobody" in certs("revoke", folder.base, "nobody", expected=1)


def test_show_tells_what_openssl_tells(folder):
    certs("client", folder.base, "meter-7", "--san-uri", "urn:dev:7")
    shown = certs("show", folder.path("meter-7.pem"))
    fingerprint = openssl("x509", "-in", folder.path("meter-7.pem"), "-noout", "-fingerprint",
                          "-sha256").split("=")[1].strip().replace(":", "").lower()
    serial = openssl("x509", "-in", folder.path("meter-7.pem"), "-noout", "-serial").split("=")[1].strip()
    subject = openssl("x509", "-in", folder.path("intermediate-ca.pem"), "-noout", "-subject",
                      "-nameopt", "RFC2253").split("=", 1)[1].strip()
    assert fingerprint in shown and serial.lower() in shown and subject in shown
    assert "urn:dev:7" in shown and "certificate 1 is signed by certificate 2" in shown
    key = certs("show", folder.path("meter-7.key"))
    assert "hidden" in key
    certs("revoke", folder.base, "meter-7")
    assert serial.lower() in certs("show", folder.path("ca.crl"))
    certs("show", folder.path("nothing.pem"), expected=1)


def test_show_reads_what_openssl_makes(tmp_path):
    path = tmp_path / "odd.pem"
    openssl("req", "-x509", "-newkey", "ed25519", "-nodes", "-keyout", tmp_path / "odd.key", "-out", path,
            "-utf8", "-subj", "/C=DE/O=Müller, Söhne/CN=a;b", "-addext", "subjectAltName=email:a@b.example")
    shown = certs("show", path)
    assert "CN=a\\;b,O=Müller\\, Söhne,C=DE\n" in shown
    assert "Ed25519" in shown and "a@b.example" in shown
    der = tmp_path / "odd.der"
    openssl("x509", "-in", path, "-outform", "DER", "-out", der)
    assert certs("show", der) == shown


@pytest.mark.parametrize("arguments,words", [
    ([], "Usage"),
    (["revok"], "did you mean revoke?"),
    (["init"], "DIR"),
    (["init", "a", "b"], "b"),
    (["init", "a", "--day", "3"], "did you mean --days?"),
    (["init", "a", "--days", "0"], "--days"),
    (["init", "a", "--key", "ecda"], "did you mean ecdsa?"),
    (["client", "a"], "DIR NAME"),
])
def test_misuse_is_refused_and_the_right_word_named(tmp_path, monkeypatch, arguments, words):
    monkeypatch.chdir(tmp_path)
    assert words in certs(*arguments, expected=2)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("action", ["", "init", "client", "server", "revoke", "crl", "show"])
def test_every_action_has_help(action):
    assert "Usage: postern certs" in certs(*([action] if action else []), "--help")


def test_postern_admits_its_clients_until_they_are_revoked(start, folder):
    tls = {"certificate": folder.path("broker.pem"), "private_key": folder.path("broker.key"),
           "client_certificate": "required", "client_ca": folder.path("ca.pem"),
           "client_crl": [folder.path("ca.crl")]}
    postern = start(pki=folder, tls=tls)
    with postern.client(identity="client", ca="root-ca.pem") as client:
        assert client.connect("first").code == 0
    assert 'certificate_subject="CN=client"' in postern.wait_log("session closed")

    certs("revoke", folder.base, "client")
    postern = start(pki=folder, tls=tls)
    with pytest.raises((ssl.SSLError, ConnectionResetError)):
        with postern.client(identity="client", ca="root-ca.pem") as client:
            client.connect("second")
    postern.wait_log("certificate_revoked|revoked")
