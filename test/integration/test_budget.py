# SPDX-License-Identifier: GPL-3.0-or-later
"""A client and a message may cost so much and no more. Counted under callgrind, so that neither the
machine nor its load matters; callgrind has no SHA and no ADX instructions, so that only these figures
can be compared with each other. A budget is what was counted when it was written, and a tenth more."""
import pytest

from budget import cost_of_one

pytestmark = pytest.mark.release_only

MTLS = 'client_certificate: required, client_ca: {ca},'


def say(capsys, what, instructions, allocations):
    with capsys.disabled():
        print(f"\n{what}: {instructions:,.0f} instructions, {allocations:.1f} allocations")


@pytest.mark.parametrize("what, options, budget", [
    ("a new client", (), (1_170_000, 52)),
    ("a new client of TLS 1.2", ("--tls", "1.2"), (1_150_000, 52)),
    ("a client that comes back", ("--resume",), (880_000, 51)),
    ("a new client with X25519MLKEM768", ("--group", "X25519MLKEM768"), (1_425_000, 59)),
])
def test_a_client_costs_no_more_than_its_budget(tmp_path, pki, capsys, what, options, budget):
    instructions, allocations = cost_of_one(tmp_path, pki, "connects", (20, 120), *options)
    say(capsys, what, instructions, allocations)
    assert instructions < budget[0] and allocations < budget[1]


def test_a_client_with_a_certificate_costs_no_more_than_its_budget(tmp_path, pki, capsys):
    instructions, allocations = cost_of_one(
        tmp_path, pki, "connects", (20, 120), "--cert", pki.path("sensor-1.pem"), "--key",
        pki.path("sensor-1.key"), tls=MTLS.format(ca=pki.path("ca.pem")))
    say(capsys, "a new client with a certificate", instructions, allocations)
    assert instructions < 2_110_000 and allocations < 67


def test_a_message_allocates_nothing(tmp_path, pki, capsys):
    """Of 100 bytes, to the broker and back; 16 are under way, as many go through in one turn."""
    instructions, allocations = cost_of_one(tmp_path, pki, "publishes", (2000, 12000),
                                            "--in-flight", "16")
    say(capsys, "a message and its echo", instructions, allocations)
    assert allocations < 0.01
    assert instructions < 2_700
