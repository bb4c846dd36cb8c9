# SPDX-License-Identifier: GPL-3.0-or-later
"""What both sides have said is hashed right for every suite: in full handshakes, with a second
ClientHello, resumed, and where the client signs it."""
import pytest

from openssl_client import visit

SUITES = {"TLS_AES_128_GCM_SHA256": "AES128", "TLS_AES_256_GCM_SHA384": "AES256",
          "TLS_CHACHA20_POLY1305_SHA256": "CHACHA20"}
ANOTHER_GROUP_FIRST = ("-groups", "P-521:P-256")  # a key share of P-521, which is asked for another


@pytest.fixture
def visits(start, pki, tmp_path):
    postern = start(tls={"client_certificate": "optional", "client_ca": pki.path("root.crt"),
                         "groups": ["P-256", "X25519"]})
    device = ("-cert", pki.path("sensor-1.pem"), "-key", pki.path("sensor-1.key"),
              "-cert_chain", pki.path("sensor-1.pem"))

    def visit_it(*how, certificate=False, saved=None):
        session = []
        if saved is not None:
            session = ["-sess_in" if (tmp_path / saved).exists() else "-sess_out",
                       str(tmp_path / saved)]
        return visit(postern.port, pki.path("root.crt"), "sensor-1", *session, *how,
                     *(device if certificate else ()))
    return visit_it


@pytest.mark.parametrize("certificate", [False, True], ids=["without", "with"])
@pytest.mark.parametrize("suite", SUITES)
def test_a_suite_of_tls_1_3_serves_new_second_and_resumed_handshakes(visits, suite, certificate):
    told = ("-tls1_3", "-ciphersuites", suite)
    new = visits(*told, certificate=certificate, saved="plain")
    assert f"New, TLSv1.3, Cipher is {suite}".encode() in new
    assert f"Reused, TLSv1.3, Cipher is {suite}".encode() in visits(*told, saved="plain")
    second = visits(*told, *ANOTHER_GROUP_FIRST, certificate=certificate, saved="second")
    assert f"New, TLSv1.3, Cipher is {suite}".encode() in second
    again = visits(*told, *ANOTHER_GROUP_FIRST, saved="second")
    assert f"Reused, TLSv1.3, Cipher is {suite}".encode() in again


def test_a_ticket_of_a_suite_that_the_client_no_longer_offers_is_a_full_handshake(visits):
    visits("-tls1_3", "-ciphersuites", "TLS_AES_256_GCM_SHA384", saved="ticket")
    told = ("-tls1_3", "-ciphersuites", "TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256")
    assert b"New, TLSv1.3, Cipher is TLS_AES_128_GCM_SHA256" in visits(*told, saved="ticket")


@pytest.mark.parametrize("digest", ["SHA256", "SHA384", "SHA512"])
@pytest.mark.parametrize("suite", ["AES128", "AES256"])
def test_a_client_may_sign_by_any_hash_in_tls_1_2(visits, suite, digest):
    said = visits("-tls1_2", "-cipher", f"ECDHE+{suite}+AESGCM", "-trace",
                  "-sigalgs", f"ECDSA+{digest}", certificate=True).decode(errors="replace")
    signed = said.split("CertificateVerify, Length=")[1].split("Signature (")[0]
    assert "New, TLSv1.2" in said and digest.lower() in signed
