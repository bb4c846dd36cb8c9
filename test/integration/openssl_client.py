# SPDX-License-Identifier: GPL-3.0-or-later
"""A visit by OpenSSL's own client, which speaks enough MQTT to be let in and to get its tickets."""
import subprocess

import mqtt_packets as mqtt
from postern import DEADLINE


def visit(port, ca, client_id, *how):
    """Connects, is answered a PINGREQ, says goodbye; gives what `openssl s_client` printed."""
    command = ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-servername", "localhost",
               "-CAfile", ca, "-ign_eof", *how]
    client = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT)
    client.stdin.write(mqtt.connect(4, client_id) + mqtt.packet(mqtt.PINGREQ, 0, b""))
    client.stdin.flush()
    said = b""
    while b"\xd0\x00" not in said:  # PINGRESP: the tickets have come before it
        piece = client.stdout.read1(4096)
        assert piece, said
        said += piece
    client.stdin.write(mqtt.packet(mqtt.DISCONNECT, 0, b""))
    client.stdin.close()
    said += client.stdout.read()
    client.wait(DEADLINE)
    return said
