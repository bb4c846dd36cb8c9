# SPDX-License-Identifier: GPL-3.0-or-later
"""A resumed session is judged exactly as a new one."""

import base64
import os
import shutil
import ssl
import time

import pytest


def resume(postern, context, mqtt=4, client_id="x", server_name="localhost", session=None):
    """(CONNACK code, resumed, session) of one visit."""
    with postern.client(mqtt, server_name=server_name, context=context, session=session) as client:
        code = client.connect(client_id).code
        client.ping()  # in TLS 1.3 the ticket comes after the handshake
        return code, client.socket.session_reused, client.socket.session


def trust(pki, **more):
    return {"client_certificate": "optional", "client_ca": pki.path("ca.pem"),
            "client_crl": [pki.path("ca.crl")], **more}


BOUND = [{"name": "p", "rules": [{"require": {"certificate": {"common_name": "${client_id}"}}}]}]


@pytest.mark.threads
@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_a_ticket_resumes(start, version):
    postern = start()
    context = postern.context(version=version)
    _, reused, session = resume(postern, context)
    assert not reused
    code, reused, _ = resume(postern, context, session=session)
    assert (code, reused) == (0, True)
    assert postern.wait_log("resumed=true")


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_a_client_that_always_comes_back_by_its_newest_ticket_is_never_turned_away(start, version):
    """wolfSSL counts such a row in one byte and would end the 256th handshake, and all after it."""
    postern = start()
    context = postern.context(version=version)
    session, resumed = None, 0
    for _ in range(600):
        code, reused, session = resume(postern, context, session=session)
        assert code == 0
        resumed += reused
    assert resumed >= 596


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_tickets_can_be_switched_off(start, version):
    postern = start(tls={"session_tickets": {"enabled": False}})
    context = postern.context(version=version)
    _, _, session = resume(postern, context)
    assert session is None or not session.has_ticket
    if session is not None:
        assert not resume(postern, context, session=session)[1]


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_a_resumed_client_has_its_identity_and_is_judged_by_it(start, pki, version):
    postern = start(tls=trust(pki), policies=BOUND)
    context = postern.context(identity="sensor-1", version=version)
    code, _, session = resume(postern, context, client_id="sensor-1")
    assert code == 0
    code, reused, session = resume(postern, context, client_id="sensor-1", session=session)
    assert (code, reused) == (0, True)
    line = postern.wait_log("session closed.*resumed=true")
    assert 'certificate_subject="CN=sensor-1,O=Postern Test"' in line
    with postern.client(context=context, session=session) as client:
        assert client.connect("sensor-2").code == 2
        assert client.socket.session_reused


def test_a_resumed_client_without_certificate_stays_without(start, pki):
    postern = start(tls=trust(pki), policies=BOUND)
    context = postern.context(version="1.3")
    with postern.client(context=context) as client:
        assert client.connect("sensor-1").code == 5
        client.receive()
        session = client.socket.session
    with postern.client(context=context, session=session) as client:
        assert client.connect("sensor-1").code == 5


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_a_ticket_of_one_server_name_is_nothing_under_another(start, pki, version):
    names = [{"certificate": pki.path(n + ".pem"), "private_key": pki.path(n + ".key")}
             for n in ("a", "b")]
    postern = start(tls={"certificates": names})
    context = postern.context(version=version)
    _, _, session = resume(postern, context, server_name="a.example")
    assert resume(postern, context, server_name="a.example", session=session)[1]
    assert not resume(postern, context, server_name="b.example", session=session)[1]


@pytest.fixture
def two(start, tmp_path):
    """Two processes that share a ticket key; the second one may have other settings."""
    keys = tmp_path / "tickets.key"
    keys.write_text(base64.b64encode(os.urandom(48)).decode() + "\n")

    def make(first, second):
        tickets = {"session_tickets": {"key_file": str(keys)}}
        return start(tls={**first, **tickets}), start(tls={**second, **tickets})
    return make


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_replicas_with_one_key_file_resume_each_others_sessions(two, pki, version):
    one, other = two(trust(pki), trust(pki))
    context = one.context(identity="sensor-1", version=version)
    _, _, session = resume(one, context)
    assert resume(other, context, session=session)[1]
    assert "CN=sensor-1" in other.wait_log("session closed")


def test_a_revoked_certificate_does_not_come_back_by_ticket(two, pki, tmp_path):
    """The replica has the newer CRL, as after a restart or a reload."""
    pki.issue("leaving")
    before = tmp_path / "before.crl"
    shutil.copy(pki.path("ca.crl"), before)
    pki.revoke("leaving")
    old, new = two(trust(pki, client_crl=[str(before)]), trust(pki))
    context = old.context(identity="leaving", version="1.3")
    code, _, session = resume(old, context)
    assert code == 0
    assert resume(old, context, session=session)[1]
    with pytest.raises((ssl.SSLError, ConnectionResetError)):
        resume(new, context, session=session)
    assert "reason=certificate_revoked" in new.wait_log("handshake failed")


def test_a_ca_that_is_no_longer_trusted_does_not_come_back_by_ticket(two, pki):
    old, new = two({"client_certificate": "optional", "client_ca": pki.path("ca.pem")},
                   {"client_certificate": "optional", "client_ca": pki.path("strangers/ca.pem")})
    context = old.context(identity="sensor-1", version="1.3")
    _, _, session = resume(old, context)
    with pytest.raises((ssl.SSLError, ConnectionResetError)):
        resume(new, context, session=session)
    assert "reason=unknown_ca" in new.wait_log("handshake failed")


def test_an_expired_certificate_does_not_come_back_by_ticket(start, pki):
    ends = time.strftime("%Y%m%d%H%M%SZ", time.gmtime(time.time() + 4))
    pki.issue("brief", dates=["-startdate", "20200101000000Z", "-enddate", ends])
    postern = start(tls=trust(pki))
    context = postern.context(identity="brief", version="1.3")
    code, _, session = resume(postern, context)
    assert code == 0
    assert resume(postern, context, session=session)[1]
    while time.strftime("%Y%m%d%H%M%SZ", time.gmtime()) <= ends:
        time.sleep(0.1)
    with pytest.raises((ssl.SSLError, ConnectionResetError)):
        resume(postern, context, session=session)
    assert "reason=certificate_expired" in postern.wait_log("handshake failed")
