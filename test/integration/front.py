# SPDX-License-Identifier: GPL-3.0-or-later
"""Other programs that stand in front of something: HAProxy, nginx."""

import pathlib
import socket
import subprocess

from postern import DEADLINE, wait_until


class Front:
    """Such a program while it runs: `command` makes it listen on `port`, and `log` gets what it says."""

    def __init__(self, command, port, log):
        self.log = pathlib.Path(log)
        self.process = subprocess.Popen(command, stdout=open(log, "a"), stderr=subprocess.STDOUT)
        self.port = port

        def accepts():
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                return True
            except OSError:
                assert self.process.poll() is None, self.log.read_text()
                return False

        wait_until(accepts, "the program in front")

    def stop(self):
        self.process.terminate()
        self.process.wait(DEADLINE)


def haproxy(directory, port, server, accept="", frontend="", check=""):
    """The command for an HAProxy that listens on `port` as `accept` says, with the lines of `frontend`,
    and hands on to `server`, which it checks as `check` says."""
    config = directory / "haproxy.cfg"
    config.write_text(f"""
global
    log stdout format raw local0
    stats socket {directory}/stats.sock
defaults
    log global
    mode tcp
    timeout connect 5s
    timeout client 30s
    timeout server 30s
    timeout check 2s
frontend front
    bind 127.0.0.1:{port} {accept}
    default_backend back
    {frontend}
backend back
    server one {server} {check}
""")
    return ["haproxy", "-db", "-f", str(config)]


def nginx(directory, port, server, accept="", inside="", stream=""):
    """The command for an nginx likewise; `inside` belongs to the server that listens, `stream` to all."""
    config = directory / "nginx.conf"
    config.write_text(f"""
load_module /usr/lib/nginx/modules/ngx_stream_module.so;
daemon off;
pid {directory}/nginx.pid;
error_log stderr;
events {{}}
stream {{
    {stream}
    server {{
        listen 127.0.0.1:{port} {accept};
        proxy_pass {server};
        {inside}
    }}
}}
""")
    return ["/usr/sbin/nginx", "-c", str(config), "-p", str(directory)]
