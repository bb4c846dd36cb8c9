# SPDX-License-Identifier: GPL-3.0-or-later
"""TLS as OpenSSL sees it from the other side."""

import re
import socket
import ssl
import struct
import subprocess

import pytest

from postern import DEADLINE


def s_client(postern, *options, stdin=""):
    done = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{postern.port}",
                           *options], input=stdin, capture_output=True, text=True, timeout=DEADLINE)
    return done.stdout + done.stderr


@pytest.mark.threads
@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_both_versions_pass(start, version):
    postern = start()
    with postern.client(version=version) as client:
        assert client.socket.version() == f"TLSv{version}"
        assert client.connect("a").code == 0
    line = postern.wait_log(r"session closed.*client_id=a ")
    assert f"tls={version} " in line and "cipher=TLS_" in line and "group=" in line


def test_a_listener_of_1_3_refuses_1_2_with_protocol_version(start):
    postern = start(tls={"min_version": "1.3"})
    with pytest.raises(ssl.SSLError, match="(?i)alert protocol version"):
        postern.client(version="1.2")
    assert "reason=version" in postern.wait_log("handshake failed")
    with postern.client(version="1.3") as client:
        assert client.connect("a").code == 0


def test_a_listener_up_to_1_2_speaks_1_2(start):
    postern = start(tls={"max_version": "1.2"})
    with postern.client() as client:
        assert client.socket.version() == "TLSv1.2"


def test_tls_1_1_does_not_exist(start):
    postern = start()
    answer = s_client(postern, "-tls1_1", "-cipher", "ALL:@SECLEVEL=0")
    assert "alert protocol version" in answer


def test_the_whole_chain_is_sent_leaf_first(start, pki):
    answer = s_client(start(), "-showcerts", "-CAfile", pki.path("root.crt"))
    subjects = re.findall(r"^ \d s:(.*)$", answer, re.M)
    assert subjects == ["O = Postern Test, CN = localhost", "O = Postern Test, CN = Test Intermediate CA"]
    assert "Verification: OK" in answer


PROFILES = {
    "intermediate": {"ECDHE-ECDSA-AES128-GCM-SHA256": True, "ECDHE-ECDSA-AES256-GCM-SHA384": True,
                     "ECDHE-ECDSA-CHACHA20-POLY1305": True, "ECDHE-ECDSA-AES128-CCM": False,
                     "ECDHE-ECDSA-AES128-SHA256": False},
    "iot": {"ECDHE-ECDSA-AES128-GCM-SHA256": True, "ECDHE-ECDSA-AES128-CCM8": True},
}


@pytest.mark.parametrize("profile", PROFILES)
def test_a_profile_has_its_cipher_suites_and_no_other(start, profile):
    postern = start(tls={"profile": profile})
    for cipher, wanted in PROFILES[profile].items():
        answer = s_client(postern, "-tls1_2", "-cipher", cipher + ":@SECLEVEL=0")
        assert (f"Cipher is {cipher}" in answer) == wanted, (cipher, answer)


def test_the_modern_profile_refuses_tls_1_2(start):
    postern = start(tls={"profile": "modern"})
    assert "alert protocol version" in s_client(postern, "-tls1_2")
    with postern.client() as client:
        assert client.socket.version() == "TLSv1.3"


@pytest.mark.parametrize("group", ["X25519", "P-256", "P-384"])
def test_groups_are_negotiated(start, group):
    postern = start()
    s_client(postern, "-tls1_3", "-groups", group, stdin="Q")
    assert f"group={group} " in postern.wait_log("session closed")


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_a_client_without_a_group_of_ours_is_told_so(start, version):
    postern = start(tls={"groups": ["X25519", "P-256"]})
    assert "alert handshake failure" in s_client(postern, version, "-groups", "P-384:X448")
    line = postern.wait_log("handshake failed")
    assert "reason=no_shared_group" in line
    assert 'error="client offers no group that this listener has"' in line


@pytest.fixture
def names(start, pki):
    def start_with(**tls):
        pairs = [{"certificate": pki.path(n + ".pem"), "private_key": pki.path(n + ".key")}
                 for n in ("a", "b", "server-rsa")]
        return start(tls={"certificates": pairs, **tls})
    return start_with


def subject_sent(postern, *options):
    answer = s_client(postern, *options)
    found = re.search(r"^ 0 s:.*CN = (\S+)$", answer, re.M)
    return found.group(1) if found else answer


def test_the_server_name_chooses_the_certificate(names):
    postern = names()
    assert subject_sent(postern, "-servername", "b.example") == "b.example"
    assert subject_sent(postern, "-servername", "B.EXAMPLE") == "b.example"
    assert subject_sent(postern, "-servername", "device.a.example") == "a.example"
    assert subject_sent(postern, "-servername", "x.y.a.example") == "localhost"
    assert subject_sent(postern, "-servername", "unknown.example") == "localhost"
    assert subject_sent(postern, "-noservername") == "localhost"


def test_an_unknown_server_name_is_refused_when_asked_for(names):
    postern = names(unknown_server_name="refuse")
    assert "unrecognized name" in subject_sent(postern, "-servername", "unknown.example")
    assert "reason=unknown_server_name" in postern.wait_log("handshake failed")
    assert subject_sent(postern, "-noservername") == "localhost"
    assert subject_sent(postern, "-servername", "b.example") == "b.example"


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_ecdsa_or_rsa_is_chosen_by_what_the_client_can_verify(names, version):
    postern = names()
    rsa = s_client(postern, version, "-servername", "localhost", "-sigalgs",
                   "RSA-PSS+SHA256:RSA+SHA256")
    assert "Peer signature type: RSA" in rsa
    both = s_client(postern, version, "-servername", "localhost", "-sigalgs",
                    "RSA-PSS+SHA256:ECDSA+SHA256")
    assert "Peer signature type: ECDSA" in both


def test_alpn_is_optional_but_must_fit(start):
    postern = start(tls={"alpn": ["mqtt"]})
    with postern.client(alpn=["mqtt"]) as client:
        assert client.socket.selected_alpn_protocol() == "mqtt"
    with postern.client(alpn=["h2", "mqtt"]) as client:
        assert client.socket.selected_alpn_protocol() == "mqtt"
    with postern.client() as client:
        assert client.connect("a").code == 0
    with pytest.raises(ssl.SSLError, match="(?i)no application protocol"):
        postern.client(alpn=["h2"])
    assert "reason=alpn_mismatch" in postern.wait_log("handshake failed")


def test_renegotiation_is_refused(start):
    postern = start()
    answer = s_client(postern, "-tls1_2", stdin="R\n")
    assert "renegotiation" in answer.lower() and ("alert" in answer or "error" in answer.lower())


def test_neither_compression_nor_early_data_exists(start):
    postern = start()
    answer = s_client(postern, "-tls1_3", "-comp", stdin="Q")
    assert "Compression: NONE" in answer
    assert "Max Early Data: 0" in answer or "Max Early Data" not in answer


def test_a_client_that_does_not_trust_us_is_explained(start, pki):
    postern = start()
    with pytest.raises(ssl.SSLCertVerificationError):
        postern.client(ca="strangers/root.crt")
    line = postern.wait_log("handshake failed")
    assert "does not trust" in line and "alert unknown_ca" in line and "chain" in line


def test_a_key_update_of_the_client_is_answered(start):
    postern = start()
    command = ["openssl", "s_client", "-connect", f"127.0.0.1:{postern.port}", "-tls1_3", "-msg"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, bufsize=1) as client:
        for line in client.stdout:
            if "NewSessionTicket" in line:
                client.stdin.write("K\n")  # asks for an update of ours too
            if re.search(r"<<< TLS 1.3, .*KeyUpdate", line):
                break
        else:
            raise AssertionError("no KeyUpdate came back")
        client.kill()


def test_one_slow_handshake_delays_nobody(start):
    postern = start(workers=1)
    slow = [postern.raw() for _ in range(50)]
    for connection in slow:
        connection.sendall(b"\x16\x03\x01\x02\x00\x01")
    with postern.client(timeout=5) as client:
        assert client.connect("quick").code == 0
    for connection in slow:
        connection.close()


def test_a_client_hello_in_single_bytes_is_read(start):
    postern = start()
    context = postern.context()
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(incoming, outgoing, server_hostname="localhost")
    with postern.raw() as peer:
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while True:
            try:
                tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                for byte in outgoing.read():
                    peer.send(bytes([byte]))
                incoming.write(peer.recv(65536))
        assert tls.version() == "TLSv1.3"


def test_who_resets_the_connection_while_it_is_answered_is_in_the_log(start):
    """The ClientHello can be read, and the answer cannot be sent any more."""
    postern = start()
    out = ssl.MemoryBIO()
    with pytest.raises(ssl.SSLWantReadError):
        postern.context().wrap_bio(ssl.MemoryBIO(), out, server_hostname="localhost").do_handshake()
    raw = postern.raw()
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    raw.sendall(out.read())
    raw.close()
    postern.wait_log("handshake failed .*reason=client_reset error=.*reset")
