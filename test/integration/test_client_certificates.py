# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may come in by certificate, and what the log says about who may not."""

import re
import ssl

import pytest


def trust(pki, mode="required", **more):
    return {"client_certificate": mode, "client_ca": pki.path("root.crt"), **more}


def refused(postern, identity, version="1.3", **options):
    """TLS 1.3 clients learn of their refusal at the first read."""
    with pytest.raises((ssl.SSLError, ConnectionResetError)) as caught:
        with postern.client(identity=identity, version=version, **options) as client:
            client.connect("refused")
            raise AssertionError("admitted")
    return str(caught.value)


@pytest.mark.threads
@pytest.mark.parametrize("version", ["1.2", "1.3"])
@pytest.mark.parametrize("mode", ["optional", "required"])
def test_a_chain_through_an_intermediate_is_verified(start, pki, version, mode):
    postern = start(tls=trust(pki, mode))
    with postern.client(identity="sensor-1", version=version) as client:
        assert client.connect("sensor-1").code == 0
    line = postern.wait_log("session closed")
    assert 'certificate_subject="CN=sensor-1,O=Postern Test"' in line
    assert "certificate_fingerprint=" in line


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_no_certificate_passes_when_it_is_optional(start, pki, version):
    postern = start(tls=trust(pki, "optional"))
    with postern.client(version=version) as client:
        assert client.connect("a").code == 0
    assert "certificate_subject" not in postern.wait_log("session closed")


@pytest.mark.parametrize("version,alert", [("1.2", "handshake failure"),
                                           ("1.3", "certificate required")])
def test_no_certificate_is_refused_when_it_is_required(start, pki, version, alert):
    postern = start(tls=trust(pki))
    assert alert in refused(postern, None, version).lower().replace("_", " ")
    assert "client sent no certificate" in postern.wait_log("handshake failed")


@pytest.mark.parametrize("identity,reason,alert", [
    ("old", "certificate_expired", "certificate expired"),
    ("early", "certificate_not_yet_valid", "bad certificate|certificate expired"),
    ("wrong-usage", "wrong_key_usage", "certificate"),
    ("strangers/sensor-1", "unknown_ca", "unknown ca"),
])
@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_a_bad_certificate_is_refused_and_explained(start, pki, identity, reason, alert, version):
    postern = start(tls=trust(pki))
    said = refused(postern, identity, version).lower().replace("_", " ")
    assert any(word in said for word in alert.split("|")), said
    line = postern.wait_log("handshake failed")
    assert f"reason={reason} " in line
    words = {"old": "expired .* days ago .CN=old,O=Postern Test", "early": "not valid before .* days from now",
             "wrong-usage": "may not be used by TLS clients",
             "strangers/sensor-1": "was issued by a CA named CN=Test Root CA,O=Postern Test with the key id"}
    assert re.search(words[identity], line), line


def test_what_one_client_sends_does_not_help_another(start, pki):
    """A client without its intermediate is refused before and after one that sends it."""
    pki.write("bare.pem", "sensor-2.crt")
    pki.write("bare.key", "sensor-2.key")
    postern = start(tls=trust(pki), workers=1)
    assert "unknown ca" in refused(postern, "bare").lower().replace("_", " ")
    with postern.client(identity="sensor-2") as client:
        assert client.connect("whole").code == 0
    assert "unknown ca" in refused(postern, "bare").lower().replace("_", " ")


def test_an_intermediate_in_the_ca_file_need_not_be_sent(start, pki):
    pki.write("bare.pem", "sensor-2.crt")
    pki.write("bare.key", "sensor-2.key")
    postern = start(tls=trust(pki, client_ca=pki.path("ca.pem")))
    with postern.client(identity="bare") as client:
        assert client.connect("a").code == 0


def test_a_revoked_certificate_is_refused_and_others_pass(start, pki):
    postern = start(tls=trust(pki, client_ca=pki.path("ca.pem"), client_crl=[pki.path("ca.crl")]))
    refused(postern, "revoked")
    line = postern.wait_log("handshake failed")
    assert "reason=certificate_revoked" in line and "CN=revoked" in line and "serial" in line
    with postern.client(identity="sensor-1") as client:
        assert client.connect("a").code == 0


def test_a_missing_crl_refuses(start, pki):
    postern = start(tls=trust(pki, client_ca=pki.path("ca.pem"), client_crl=[pki.path("root.crl")]))
    refused(postern, "sensor-1")
    assert "reason=crl_missing" in postern.wait_log("handshake failed")


@pytest.mark.parametrize("policy", ["require", "allow_outdated"])
def test_an_outdated_crl_refuses_unless_that_is_allowed(start, pki, policy):
    pki.renew_crl("intermediate", "-crl_lastupdate", "20200101000000Z", "-crl_nextupdate",
                  "20200201000000Z")
    pki.write("outdated.crl", "root.crl", "intermediate.crl")
    pki.renew_crl("intermediate")
    postern = start(tls=trust(pki, client_ca=pki.path("ca.pem"), client_crl=[pki.path("outdated.crl")],
                              crl_policy=policy))
    if policy == "require":
        refused(postern, "sensor-1")
        assert "reason=crl_outdated" in postern.wait_log("handshake failed")
    else:
        with postern.client(identity="sensor-1") as client:
            assert client.connect("a").code == 0
    refused(postern, "revoked")
    postern.wait_log("reason=certificate_revoked|reason=crl_outdated")


def test_a_chain_deeper_than_allowed_is_refused(start, pki):
    postern = start(tls=trust(pki, max_chain_depth=1))
    refused(postern, "sensor-1")
    assert "reason=chain_too_long" in postern.wait_log("handshake failed")
