# SPDX-License-Identifier: GPL-3.0-or-later
"""Every key of a certificate rule, through a real client: one that it admits, one that it refuses."""

import pytest


IDENTITIES = {
    "full": {"common_name": "full", "sans": "DNS:full.example,URI:spiffe://example/full,email:full@example"},
    "other": {"common_name": "other", "sans": "DNS:other.example,URI:spiffe://other/x,email:x@other"},
    "bare": {"common_name": "bare"},
    "rsa": {"common_name": "rsa", "kind": "rsa"},
    "long": {"common_name": "long", "dates": ("-days", "300")},
    "both-usages": {"common_name": "both-usages", "usage": "clientAuth,1.3.6.1.4.1.99999.1"},
    "by-root": {"common_name": "by-root", "issuer": "root"},
}


@pytest.fixture(scope="module")
def cast(pki):
    for name, options in IDENTITIES.items():
        pki.issue("rule-" + name, **options)
    return pki


def digest(pki, name, what):
    if what == "fingerprint":
        return pki.openssl("x509", "-in", pki.path(f"rule-{name}.crt"), "-noout", "-fingerprint",
                           "-sha256").strip().split("=")[1]
    key = pki.openssl("x509", "-in", pki.path(f"rule-{name}.crt"), "-noout", "-pubkey")
    (pki.base / "spki.pem").write_text(key)
    pki.openssl("pkey", "-pubin", "-in", pki.path("spki.pem"), "-outform", "DER", "-out",
                pki.path("spki.der"))
    return pki.openssl("dgst", "-sha256", "-r", pki.path("spki.der")).split()[0]


def serial(pki, name):
    return pki.openssl("x509", "-in", pki.path(f"rule-{name}.crt"), "-noout",
                       "-serial").strip().split("=")[1].lower().lstrip("0")


CASES = [
    ("common_name", lambda pki: "fu*", "full", "other"),
    ("common_name", lambda pki: {"regex": "f.ll|bare"}, "bare", "other"),
    ("common_name", lambda pki: ["nobody", "${client_id}"], "full", None),
    ("subject", lambda pki: "CN=full,*", "full", "other"),
    ("issuer", lambda pki: "*Root CA*", "by-root", "full"),
    ("serial", lambda pki: serial(pki, "full"), "full", "other"),
    ("san_dns", lambda pki: "${client_id}.example", "full", "bare"),
    ("san_uri", lambda pki: "spiffe://example/*", "full", "other"),
    ("san_uri", lambda pki: {"regex": "spiffe://example/[a-z]+"}, "full", "bare"),
    ("san_email", lambda pki: "*@example", "full", "other"),
    ("fingerprint_sha256", lambda pki: [digest(pki, "full", "fingerprint")], "full", "other"),
    ("spki_sha256", lambda pki: digest(pki, "full", "spki"), "full", "other"),
    ("key", lambda pki: {"ecdsa_curves": ["P-256"]}, "full", "rsa"),
    ("key", lambda pki: {"rsa_min_bits": 2048}, "rsa", "full"),
    ("key", lambda pki: {"rsa_min_bits": 3072}, None, "rsa"),
    ("key", lambda pki: {"ed25519": True}, None, "full"),
    ("max_lifetime", lambda pki: "100d", "full", "long"),
    ("extended_key_usage", lambda pki: "clientAuth", "full", None),
    ("extended_key_usage", lambda pki: ["1.3.6.1.4.1.99999.1"], "both-usages", "full"),
]


def code(postern, name, version):
    with postern.client(version, identity="rule-" + name) as client:
        return client.connect(name).code


@pytest.mark.parametrize("key,value,admitted,refused", CASES,
                         ids=[f"{case[0]}-{number}" for number, case in enumerate(CASES)])
def test_a_requirement_admits_and_refuses(start, cast, key, value, admitted, refused):
    made = value(cast)
    tls = {"client_certificate": "optional", "client_ca": cast.path("ca.pem")}
    postern = start(tls=tls, policies=[{"name": "p", "rules": [
        {"name": "wanted", "require": {"certificate": {key: made}}}]}])
    if admitted:
        assert code(postern, admitted, 4) == 0 and code(postern, admitted, 5) == 0
    if refused:
        by_client_id = "${client_id}" in str(made)
        assert code(postern, refused, 4) == (2 if by_client_id else 5)
        assert code(postern, refused, 5) == (0x85 if by_client_id else 0x87)
        assert 'rule \\"wanted\\" does not allow' in postern.wait_log("client refused")
    with postern.client(4) as client:
        assert client.connect("x").code == 5, "no certificate fulfils nothing"
    # The same map in `match`: who does not fit is for the next rule.
    postern = start(tls=tls, policies=[{"name": "p", "rules": [
        {"name": "wanted", "match": {"certificate": {key: made}}}]}])
    if admitted:
        assert code(postern, admitted, 4) == 0
    if refused:
        assert code(postern, refused, 4) == 5
        assert "reason=no_rule" in postern.wait_log("client refused")


def test_a_username_that_the_certificate_may_not_use_has_its_code(start, cast):
    postern = start(tls={"client_certificate": "required", "client_ca": cast.path("ca.pem")},
                    policies=[{"name": "p", "rules": [
                        {"require": {"certificate": {"san_email": "${username}@example"}}}]}])
    for version, expected in ((4, 4), (5, 0x86)):
        with postern.client(version, identity="rule-full") as client:
            assert client.connect("x", username="somebody").code == expected
    with postern.client(4, identity="rule-full") as client:
        assert client.connect("x", username="full").code == 0


def test_a_resumed_client_is_judged_by_every_field(start, cast):
    postern = start(tls={"client_certificate": "optional", "client_ca": cast.path("ca.pem")},
                    policies=[{"name": "p", "rules": [
                        {"require": {"certificate": {"san_uri": "spiffe://example/*",
                                                     "key": {"ecdsa_curves": "P-256"},
                                                     "extended_key_usage": "clientAuth",
                                                     "spki_sha256": digest(cast, "full", "spki")}}}]}])
    context = postern.context(identity="rule-full")
    session = None
    for resumed in (False, True):
        with postern.client(4, context=context, session=session) as client:
            assert client.connect("x").code == 0
            client.ping()
            assert client.socket.session_reused == resumed
            session = client.socket.session


@pytest.mark.parametrize("value,words", [
    ({"common_name": {"regex": "("}}, "cannot be read"),
    ({"common_name": {"glob": "a", "regex": "b"}}, "either a glob or a regex"),
    ({"common_name": "${certificate.serial}"}, "unknown name"),
    ({"fingerprint_sha256": "12:34"}, "64 hexadecimal"),
    ({"extended_key_usage": "clientAuht"}, "clientAuth"),
    ({"key": True}, "no kind of key is allowed"),
    ({"key": {"ecdsa_curves": "P-255"}}, "P-256"),
])
def test_what_cannot_be_meant_is_an_error(start, cast, value, words):
    with pytest.raises(AssertionError, match=words):
        start(policies=[{"name": "p", "rules": [{"require": {"certificate": value}}]}])


def test_topics_that_are_none_are_errors(start):
    with pytest.raises(AssertionError, match="is no topic filter"):
        start(policies=[{"name": "p", "rules": [{"publish": {"allow": ["a/#/b"]}}]}])
