# SPDX-License-Identifier: GPL-3.0-or-later
"""Every server that is measured, set up as somebody would who wants it fast: one worker, no logs,
tickets on, a session cache only where there is no way without, X25519 first."""
import dataclasses
import pathlib
import subprocess
import time

from bench.harness import processes

DEVICES = 100  # client certificates: what a server keeps of one must not serve for all
SERVER_CORE, LOAD_CORE = "0", "1"
MOST_CLIENTS = 9900  # of each server: a client and its backend are two descriptors of 20,000


@dataclasses.dataclass(frozen=True)
class Setup:
    """What a row needs of a server."""
    pki: pathlib.Path
    port: int
    backend_port: int
    client_certificates: bool = False
    workers: int = 1

    @property
    def combined(self):
        path = self.pki / "combined.pem"
        if not path.exists():
            path.write_bytes((self.pki / "broker.pem").read_bytes() +
                             (self.pki / "broker.key").read_bytes())
        return path


class Server:
    name = ""
    has_tls = True
    has_backend = True

    def __init__(self, setup, folder):
        self.setup = setup
        self.folder = pathlib.Path(folder) / f"{self.name.replace(' ', '-')}-{setup.port}"
        self.folder.mkdir(parents=True)
        self.process = None

    def configuration(self):
        raise NotImplementedError

    def command(self, path):
        raise NotImplementedError

    @staticmethod
    def version():
        raise NotImplementedError

    def start(self, core=SERVER_CORE):
        path = self.folder / "server.conf"
        path.write_text(self.configuration())
        with open(self.folder / "log", "wb") as log:
            self.process = subprocess.Popen(["taskset", "-c", core, *self.command(path)],
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        if not processes.listens(self.setup.port, self.process):
            raise SystemExit(f"{self.name} did not start: "
                             + (self.folder / "log").read_text(errors="replace"))
        time.sleep(0.2)

    def pids(self):
        return processes.tree(self.process.pid)

    def stop(self):
        if self.process is not None:
            processes.stop(self.process)


def first_line(*command, begins=""):
    """What it says of itself; `begins` where a line about something else may come before."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    lines = (done.stdout + done.stderr).strip().splitlines()
    return next(line for line in lines if line.startswith(begins))


class Postern(Server):
    name = "Postern"

    def configuration(self):
        s = self.setup
        client = (f"client_certificate: required, client_ca: {s.pki}/root-ca.pem,"
                  if s.client_certificates else "")
        return f"""
workers: {s.workers}
log: {{ level: error, access: false }}
listeners:
  - address: 127.0.0.1:{s.port}
    tls: {{ certificate: {s.pki}/broker.pem, private_key: {s.pki}/broker.key, {client}
            groups: [ X25519MLKEM768, X25519, P-256 ] }}
backends:
  - servers: [ 127.0.0.1:{s.backend_port} ]
"""

    def command(self, path):
        return ["build/release/postern", "run", "-c", str(path)]

    @staticmethod
    def version():
        return first_line("build/release/postern", "version")


class Nginx(Server):
    name = "nginx"

    def tls(self):
        s = self.setup
        client = (f"ssl_verify_client on; ssl_client_certificate {s.pki}/root-ca.pem; "
                  "ssl_verify_depth 3;" if s.client_certificates else "")
        return f"""ssl_certificate {s.pki}/broker.pem; ssl_certificate_key {s.pki}/broker.key;
    ssl_protocols TLSv1.2 TLSv1.3; ssl_ecdh_curve X25519:prime256v1; ssl_session_tickets on;
    ssl_session_cache off; ssl_session_timeout 1h; {client}"""

    def configuration(self):
        s = self.setup
        return f"""
load_module /usr/lib/nginx/modules/ngx_stream_module.so;
worker_processes 1; worker_rlimit_nofile 20000; daemon off;
error_log {self.folder}/error.log crit; pid {self.folder}/pid;
events {{ worker_connections 19900; multi_accept on; }}
stream {{
  access_log off; tcp_nodelay on;
  server {{
    listen 127.0.0.1:{s.port} {'ssl' if self.has_tls else ''} backlog=4096;
    {self.tls() if self.has_tls else ''}
    proxy_pass 127.0.0.1:{s.backend_port}; proxy_timeout 1h;
  }}
}}
"""

    def command(self, path):
        return ["nginx", "-e", str(self.folder / "error.log"), "-c", str(path)]

    @staticmethod
    def version():
        return first_line("nginx", "-v").removeprefix("nginx version: ")


class PlainNginx(Nginx):
    """What proxying costs before there is any TLS."""
    name = "nginx without TLS"
    has_tls = False


class HAProxy(Server):
    name = "HAProxy"

    def configuration(self):
        s = self.setup
        client = (f"ca-file {s.pki}/root-ca.pem verify required" if s.client_certificates else "")
        return f"""
global
  nbthread 1
  maxconn {MOST_CLIENTS}
  tune.ssl.cachesize 0
defaults
  mode tcp
  timeout connect 5s
  timeout client 1h
  timeout server 1h
frontend devices
  bind 127.0.0.1:{s.port} backlog 4096 ssl crt {s.combined} ssl-min-ver TLSv1.2 curves X25519:P-256 {client}
  default_backend broker
backend broker
  server broker 127.0.0.1:{s.backend_port}
"""

    def command(self, path):
        return ["haproxy", "-db", "-f", str(path)]

    @staticmethod
    def version():
        return " ".join(first_line("haproxy", "-v").split()[:3])


class Stunnel(Server):
    name = "stunnel"

    def configuration(self):
        s = self.setup
        client = f"CAfile = {s.pki}/root-ca.pem\nverifyChain = yes" if s.client_certificates else ""
        return f"""
foreground = yes
pid =
debug = 0
[devices]
accept = 127.0.0.1:{s.port}
connect = 127.0.0.1:{s.backend_port}
cert = {s.pki}/broker.pem
key = {s.pki}/broker.key
sslVersionMin = TLSv1.2
curves = X25519:P-256
socket = l:TCP_NODELAY=1
socket = r:TCP_NODELAY=1
TIMEOUTidle = 3600
{client}
"""

    def command(self, path):
        return ["stunnel4", str(path)]

    @staticmethod
    def version():
        return first_line("stunnel4", "-version", begins="stunnel ").split(" on ")[0]


class Hitch(Server):
    name = "hitch"

    def configuration(self):
        s = self.setup
        client = (f'client-verify = required\nclient-verify-ca = "{s.pki}/root-ca.pem"'
                  if s.client_certificates else "")
        return f"""
frontend = {{ host = "127.0.0.1" port = "{s.port}" }}
backend = "[127.0.0.1]:{s.backend_port}"
pem-file = "{s.combined}"
tls-protos = TLSv1.2 TLSv1.3
ecdh-curve = "X25519:P-256"
workers = 1
backlog = 4096
daemon = off
quiet = on
{client}
"""

    def command(self, path):
        return ["hitch", f"--config={path}", "--user=nobody"]

    @staticmethod
    def version():
        return first_line("hitch", "--version")


class Mosquitto(Server):
    """A broker's own TLS listener: it has no backend to dial."""
    name = "Mosquitto"
    has_backend = False

    def configuration(self):
        s = self.setup
        client = (f"cafile {s.pki}/root-ca.pem\nrequire_certificate true"
                  if s.client_certificates else "")
        return f"""
listener {s.port} 127.0.0.1
certfile {s.pki}/broker.pem
keyfile {s.pki}/broker.key
{client}
user root
allow_anonymous true
persistence false
set_tcp_nodelay true
max_connections -1
max_inflight_messages 0
log_type none
"""

    def command(self, path):
        return ["mosquitto", "-c", str(path)]

    @staticmethod
    def version():
        return first_line("mosquitto", "-h").removesuffix(" (build date)")


PEERS = [Nginx, HAProxy, Stunnel, Hitch, Mosquitto]
