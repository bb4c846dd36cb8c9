# SPDX-License-Identifier: GPL-3.0-or-later
"""Each row of the table in docs/troubleshooting.md is really said, in the log and by explain."""

import re
import ssl
import subprocess

import pytest

import pki as pki_module
from postern import BINARY, ROOT

PAGE = (ROOT / "docs/troubleshooting.md").read_text()
TABLE = PAGE[PAGE.index("| case |"):PAGE.index("## The client does not verify ours")]
ROWS = [tuple(cell.strip() for cell in line.strip("|").split(" | "))
        for line in TABLE.strip().split("\n")[2:]]


@pytest.fixture(scope="module")
def cast(tmp_path_factory):
    """Clients with every kind of fault: (chain, key, TLS settings)."""
    base = tmp_path_factory.mktemp("faults")
    own = pki_module.Pki(base / "own")
    own.server("server", "localhost")
    own.issue("good")
    own.issue("old", dates=["-startdate", "20200101000000Z", "-enddate", "20200201000000Z"])
    own.issue("early", dates=["-startdate", "20400101000000Z", "-enddate", "20410101000000Z"])
    own.issue("server-only", usage="serverAuth")
    own.issue("revoked")
    own.openssl("ca", "-config", own.path("intermediate.cnf"), "-cert", own.path("intermediate.crt"),
                "-keyfile", own.path("intermediate.key"), "-crl_reason", "keyCompromise", "-revoke",
                own.path("revoked.crt"))
    own.renew_crl("intermediate")
    own.write("ca.crl", "root.crl", "intermediate.crl")
    strangers = pki_module.Pki(base / "strangers")
    strangers.issue("good")
    return own, strangers


def write_der(own, name, subject, issuer, extensions, days):
    """A certificate of a CA that the usual cast does not have."""
    own._key(name, "ecdsa")
    (own.base / f"{name}.ext").write_text(extensions)
    own.openssl("req", "-new", "-key", own.path(name + ".key"), "-subj", subject, "-out",
                own.path(name + ".csr"))
    signer = ["-signkey", own.path(name + ".key")] if issuer is None else [
        "-CA", own.path(issuer + ".crt"), "-CAkey", own.path(issuer + ".key"), "-CAcreateserial"]
    own.openssl("x509", "-req", "-in", own.path(name + ".csr"), *signer, "-extfile",
                own.path(name + ".ext"), "-days", str(days), "-out", own.path(name + ".crt"))


CA_EXTENSIONS = "basicConstraints=critical,CA:true\nkeyUsage=keyCertSign\nsubjectKeyIdentifier=hash\n"
CLIENT_EXTENSIONS = "extendedKeyUsage=clientAuth\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n"


def fault(case, cast):
    """(PEM of the client or None, its key, settings)."""
    own, strangers = cast
    crls = {"client_crl": [own.path("ca.crl")]}
    ca = {"client_ca": own.path("ca.pem")}
    root = {"client_ca": own.path("root.crt")}
    if case == "none-sent":
        return None, None, ca
    if case == "leaf-alone":
        return own.path("good.crt"), own.path("good.key"), root
    if case == "renewed-ca":
        chain = own.write("renewed.pem", "../strangers/good.crt", "intermediate.crt")
        return chain, strangers.path("good.key"), root
    if case == "another-key":
        return strangers.path("good.crt"), strangers.path("good.key"), ca
    if case == "unknown-root":
        write_der(own, "foreign-root", "/CN=Foreign Root", None, CA_EXTENSIONS, 30)
        write_der(own, "foreign", "/CN=foreign", "foreign-root", CLIENT_EXTENSIONS, 30)
        return (own.write("foreign.pem", "foreign.crt", "foreign-root.crt"),
                own.path("foreign.key"), ca)
    if case == "self-signed":
        write_der(own, "self", "/CN=self", None, CLIENT_EXTENSIONS.split("authority")[0], 30)
        return own.path("self.crt"), own.path("self.key"), ca
    if case in ("expired", "not-yet-valid", "wrong-usage", "revoked"):
        name = {"expired": "old", "not-yet-valid": "early", "wrong-usage": "server-only",
                "revoked": "revoked"}[case]
        return own.path(name + ".pem"), own.path(name + ".key"), {**ca, **crls}
    if case == "ca-expired":
        own._key("stale-ca", "ecdsa")
        own._sign("stale-ca", "root", "/O=Postern Test/CN=Stale CA", CA_EXTENSIONS,
                  ["-startdate", "20200101000000Z", "-enddate", "20200201000000Z"])
        write_der(own, "below-stale", "/CN=below", "stale-ca", CLIENT_EXTENSIONS, 30)
        return (own.write("below-stale.pem", "below-stale.crt", "stale-ca.crt"),
                own.path("below-stale.key"), root)
    if case == "not-a-ca":
        write_der(own, "below-good", "/CN=below-good", "good", CLIENT_EXTENSIONS, 30)
        return (own.write("below-good.pem", "below-good.crt", "good.crt", "intermediate.crt"),
                own.path("below-good.key"), ca)
    if case == "too-long":
        chain = own.write("long.pem", "good.crt", "intermediate.crt", "root.crt")
        return chain, own.path("good.key"), {**ca, "max_chain_depth": 2}
    if case == "crl-missing":
        return own.path("good.pem"), own.path("good.key"), {**ca, "client_crl": [own.path("root.crl")]}
    assert case == "crl-outdated"
    own.renew_crl("root", "-crl_lastupdate", "20200101000000Z", "-crl_nextupdate", "20200201000000Z")
    outdated = own.write("outdated.crl", "intermediate.crl", "root.crl")
    own.renew_crl("root")
    return own.path("good.pem"), own.path("good.key"), {**ca, "client_crl": [outdated]}


def pattern_of(sentence):
    return ".+".join(re.escape(part) for part in sentence.split("…"))


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("case,alert", [(row[0], row[2]) for row in ROWS])
def test_the_client_gets_the_alert_of_the_page(start, cast, case, alert, version):
    own, _ = cast
    chain, key, settings = fault(case, cast)
    settings.setdefault("client_certificate", "required")
    postern = start(pki=own, tls=settings)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = context.maximum_version = version
    context.load_verify_locations(own.path("root.crt"))
    if chain:
        context.load_cert_chain(chain, key)
    if case == "none-sent" and version == ssl.TLSVersion.TLSv1_2:
        alert = "handshake_failure"  # there was no other one
    with pytest.raises(ssl.SSLError) as caught:
        with postern.client(4, context=context) as client:
            client.socket.recv(1)  # where TLS 1.3 learns of it
    assert alert.replace("_", " ") in str(caught.value).lower().replace("_", " ")


@pytest.mark.parametrize("case,sentence", [(row[0], row[1]) for row in ROWS])
def test_what_the_page_says_is_said(start, cast, case, sentence):
    own, _ = cast
    chain, key, settings = fault(case, cast)
    settings.setdefault("client_certificate", "required")
    postern = start(pki=own, tls=settings)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(own.path("root.crt"))
    if chain:
        context.load_cert_chain(chain, key)
    with pytest.raises(OSError):
        with postern.client(4, context=context) as client:
            client.connect("x")
    line = postern.wait_log("handshake failed")
    said = re.search(r'error="((?:[^"\\]|\\.)*)"', line).group(1)
    assert re.fullmatch(pattern_of(sentence), said), said
    words = ["--certificate", chain] if chain else []
    done = subprocess.run([BINARY, "explain", "-c", postern.file, *words], capture_output=True,
                          text=True, check=False)
    assert done.returncode == 3
    if chain:
        assert re.search(pattern_of(sentence), done.stdout), done.stdout


def test_every_case_of_the_page_is_a_test():
    assert len(ROWS) >= 15 and all(len(row) == 4 for row in ROWS)


def test_a_good_certificate_is_explained_as_admitted(start, cast):
    own, _ = cast
    postern = start(pki=own, tls={"client_certificate": "required", "client_ca": own.path("ca.pem"),
                                  "client_crl": [own.path("ca.crl")]})
    done = subprocess.run([BINARY, "explain", "-c", postern.file, "--certificate",
                           own.path("good.pem")], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
