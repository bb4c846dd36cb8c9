# SPDX-License-Identifier: GPL-3.0-or-later
"""The load generator reads what servers answer as a stream, in whatever pieces it comes."""
import contextlib
import json
import socket
import subprocess
import time

import pytest

from backend import CONNACK, Backend
from budget import BUILD
from postern import DEADLINE

SUBACK = b"\x90\x03\x00\x01\x00"
MESSAGES = 3


def answer(peer, answers, cuts):
    """CONNECT and SUBSCRIBE together, in pieces that begin at `cuts`; then it echoes."""
    peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    Backend.read_connect(peer)
    Backend.read_connect(peer)  # the SUBSCRIBE, whose header is as long
    for begin, end in zip([0, *cuts], [*cuts, len(answers)]):
        peer.sendall(answers[begin:end])
        time.sleep(0.02)  # so that they are read apart
    while data := peer.recv(4096):
        peer.sendall(data)


def publishes(answers, cuts):
    backend = Backend(connack=None)
    load = subprocess.Popen(
        [BUILD / "bench/load", "publishes", "--plain", "--subscribe", "--target", backend.address,
         "--clients", "1", "--warm-up", "0", "--seconds", str(DEADLINE), "--count", str(MESSAGES)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    with contextlib.suppress(ConnectionError):  # it leaves when it has seen enough
        answer(backend.next(), answers, cuts)
    backend.close()
    out, err = load.communicate(timeout=DEADLINE)
    return load.returncode, out, err


@pytest.mark.parametrize("cuts", [[], [4], [3], [7], range(1, 9)],
                         ids=["at once", "by packet", "in the CONNACK", "in the SUBACK", "by byte"])
def test_answers_may_come_in_pieces(cuts):
    code, out, err = publishes(CONNACK + SUBACK, cuts)
    assert code == 0, err
    assert json.loads(out)["messages"] >= MESSAGES


@pytest.mark.parametrize("cuts", [[], [3], [8]], ids=["at once", "in the CONNACK", "in the SUBACK"])
@pytest.mark.parametrize("answers, told", [
    (b"\x20\x02\x00\x05" + SUBACK, "refused by its CONNACK"),
    (CONNACK + b"\x90\x03\x00\x01\x80", "refused by its SUBACK"),
], ids=["CONNACK", "SUBACK"])
def test_a_refusal_is_told(answers, told, cuts):
    code, _, err = publishes(answers, cuts)
    assert code == 1 and told in err
