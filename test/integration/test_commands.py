# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line and the signals of `postern run`."""

import json
import os
import re
import signal
import socket
import subprocess

import pytest
import yaml

from postern import BINARY, DEADLINE, free_port, wait_until

COMMANDS = ["run", "check", "certs", "health", "broker", "schema", "version"]
ACTIONS = ["init", "client", "server", "revoke", "crl", "show"]


def postern(*arguments):
    return subprocess.run([BINARY, *arguments], capture_output=True, text=True, timeout=DEADLINE)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command):
    done = postern(command, "--help")
    assert done.returncode == 0
    assert done.stdout.startswith(f"Usage: postern {command}")
    assert re.search(rf"^  {command} ", postern("--help").stdout, re.M)


@pytest.mark.parametrize("action", ACTIONS)
def test_every_action_of_certs_explains_itself(action):
    done = postern("certs", action, "--help")
    assert done.returncode == 0
    assert done.stdout.startswith(f"Usage: postern certs {action}")
    assert re.search(rf"^  {action} ", postern("certs", "--help").stdout, re.M)


@pytest.mark.parametrize("arguments,words", [
    ([], "usage: postern"),
    (["runn"], "did you mean run?"),
    (["run"], "--config FILE is missing"),
    (["run", "--confg", "x"], "did you mean --config?"),
    (["run", "-c", "x", "more"], "stray word more"),
    (["run", "-c"], "--config needs a value"),
    (["certs", "int"], "did you mean init?"),
    (["certs", "init"], "DIR"),
    (["broker", "--lisen", "x"], "did you mean --listen?"),
    (["schema", "more"], "stray word more"),
    (["--versoin"], "did you mean --version?"),
    (["version", "--hepl"], "did you mean --help?"),
    (["urn"], "did you mean run?"),
    (["chekc"], "did you mean check?"),
    (["check"], "--config FILE is missing"),
    (["certs", "init", "--dayz", "3", "x"], "did you mean --days?"),
    (["certs", "init", "x", "y"], "stray word y"),
    (["check", "postern.yaml"], "did you mean --config postern.yaml?"),
    (["run", "-x"], "unknown option -x: there is --config, --help"),
    (["help", "chekc"], "did you mean check?"),
    (["nothing-like-it"], "there is no command nothing-like-it"),
])
def test_wrong_use_is_answered_with_the_nearest_right_word(arguments, words):
    done = postern(*arguments)
    assert done.returncode == 2
    assert words in done.stderr


def test_help_takes_the_name_of_a_command():
    assert postern("help", "run").stdout == postern("run", "--help").stdout
    assert postern("help", "certs").stdout == postern("certs", "--help").stdout


def test_version_tells_the_libraries_and_the_acceleration_in_use():
    done = postern("version")
    assert done.returncode == 0
    assert re.fullmatch(r"postern \d+\.\d+\.\d+\nwolfSSL [\d.]+\nlibuv [\d.]+\ncrypto: .+\n",
                        done.stdout)
    flags = open("/proc/cpuinfo", encoding="ascii").read()
    if re.search(r"^flags\s*:.*\baes\b", flags, re.M):
        assert "AES-NI" in done.stdout


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_an_idle_process_cleanly(start, number):
    running = start()
    running.process.send_signal(number)
    assert running.process.wait(DEADLINE) == 0
    assert "stopped" in running.wait_log("stopped")


def test_a_log_file_is_opened_again_for_sigusr1(start, tmp_path):
    log = tmp_path / "postern.log"
    running = start(log={"file": str(log)})
    log.rename(tmp_path / "postern.log.1")
    running.process.send_signal(signal.SIGUSR1)
    wait_until(log.exists, "a new log file")
    with running.client() as client:
        client.connect("after-rotation")
    wait_until(lambda: "client_id=after-rotation" in log.read_text(), "the line in the new file")


def test_a_log_of_json_is_an_object_a_line(start):
    running = start(log={"format": "json"})
    with running.client() as client:
        client.connect('a"b')
    line = json.loads(running.wait_log("session closed"))
    assert line["client_id"] == 'a"b'
    assert line["message"] == "session closed" and line["tls"] == "1.3" and line["bytes_in"] > 0


def test_access_lines_can_be_switched_off(start):
    running = start(log={"access": False})
    with running.client() as client:
        client.connect("quiet")
    running.stop()
    assert "session closed" not in running.text


def refused(tmp_path, change, pki):
    """What `postern run` says to a configuration that it must not run."""
    config = {
        "listeners": [{"address": f"127.0.0.1:{free_port()}", "tls": {"certificate": pki.path("server.pem"),
                                                         "private_key": pki.path("server.key")}}],
        "backends": [{"builtin_broker": True}]}
    change(config)
    file = tmp_path / "postern.yaml"
    file.write_text(yaml.safe_dump(config))
    done = postern("run", "-c", str(file))
    assert done.returncode == 1
    assert "postern: not started" in done.stderr
    assert "postern: ready" not in done.stderr
    return done.stderr


def test_a_port_that_is_taken_is_named(tmp_path, pki):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = "127.0.0.1:%d" % taken.getsockname()[1]
        said = refused(tmp_path, lambda c: c["listeners"][0].update(address=address), pki)
    assert address in said and "in use" in said
    assert "stop that one or choose another address" in said


def test_a_second_postern_does_not_take_half_of_the_clients(start, tmp_path, pki):
    running = start()
    address = f"127.0.0.1:{running.port}"
    said = refused(tmp_path, lambda c: c["listeners"][0].update(address=address), pki)
    assert address in said and "in use" in said and "another process has it" in said


def test_a_key_of_another_certificate_stops_the_start(tmp_path, pki):
    wrong = pki.path("a.key")
    said = refused(tmp_path, lambda c: c["listeners"][0]["tls"].update(private_key=wrong), pki)
    assert "does not belong" in said


def test_a_client_ca_that_is_none_stops_the_start(tmp_path, pki):
    leaf = pki.path("sensor-1.crt")
    said = refused(tmp_path, lambda c: c["listeners"][0]["tls"].update(
        client_ca=leaf, client_certificate="optional"), pki)
    assert "CA" in said and leaf in said


def test_an_expired_certificate_is_told_but_does_not_stop_the_start(start, pki):
    """Clients without a clock do not mind, and a fleet must not be down for a date."""
    pki.issue("expired-server", common_name="localhost", usage="serverAuth",
              sans="DNS:localhost,IP:127.0.0.1",
              dates=["-startdate", "20200101000000Z", "-enddate", "20200201000000Z"])
    running = start(tls={"certificate": pki.path("expired-server.pem"),
                         "private_key": pki.path("expired-server.key")})
    assert "error:" in running.text and "expired" in running.text


def test_a_file_that_is_missing_is_named_with_the_place_that_names_it(tmp_path, pki):
    for key in ("certificate", "private_key"):
        said = refused(tmp_path, lambda c: c["listeners"][0]["tls"].update({key: "nowhere.pem"}), pki)
        place = re.search(r"/postern\.yaml:(\d+):(\d+): error: cannot read .*nowhere\.pem: No such",
                          said)
        line, column = int(place.group(1)), int(place.group(2))
        text = (tmp_path / "postern.yaml").read_text().splitlines()[line - 1]
        assert text[column - 1:].startswith("nowhere.pem") and f"{key}: nowhere.pem" in text


def test_a_chain_whose_server_is_not_first_stops_the_start(tmp_path, pki):
    path = pki.write("upside-down.pem", "intermediate.crt", "server.crt")
    said = refused(tmp_path, lambda c: c["listeners"][0]["tls"].update(certificate=path), pki)
    assert path in said and "put that one first" in said


def test_files_are_looked_at_before_any_socket_opens(tmp_path, pki):
    """The port is taken too, but it is the key that is told."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = "127.0.0.1:%d" % taken.getsockname()[1]

        def change(config):
            config["listeners"][0].update(address=address)
            config["listeners"][0]["tls"].update(private_key=pki.path("a.key"))

        said = refused(tmp_path, change, pki)
    assert "does not belong" in said and "in use" not in said


@pytest.mark.parametrize("text,place,words", [
    ("listeners:\n  - address: [\n", r":\d+:\d+", "YAML syntax"),
    ("workers: many\n", ":1:10", "neither a whole number nor auto"),
    ("drain: { timeout: 3x }\n", ":1:19", "3x"),
    ("log:\n  level: loud\n", ":2:10", "loud"),
])
def test_a_broken_file_is_told_by_line_and_column(tmp_path, text, place, words):
    file = tmp_path / "broken.yaml"
    file.write_text(text)
    done = postern("run", "-c", str(file))
    assert done.returncode == 1
    assert any(re.match(re.escape(str(file)) + place + ": error: ", line) and words in line
               for line in done.stderr.splitlines()), done.stderr


def test_an_unreadable_log_file_or_user_stops_the_start(tmp_path, pki):
    said = refused(tmp_path, lambda c: c.update(log={"file": "/nowhere/postern.log"}), pki)
    assert "/nowhere/postern.log" in said
    said = refused(tmp_path, lambda c: c.update(user="no-such-user"), pki)
    assert "no user no-such-user" in said


def test_an_unknown_key_stops_the_start(tmp_path, pki):
    said = refused(tmp_path, lambda c: c.update(listners=[]), pki)
    assert "listners" in said and "listeners" in said


def test_a_unix_socket_is_removed_at_the_end(start, tmp_path):
    path = tmp_path / "door.sock"
    running = start(listener={"address": f"unix:{path}"})
    assert path.exists()
    running.stop()
    assert not path.exists()


@pytest.mark.parametrize("which", ["listener", "admin"])
def test_a_file_that_is_no_socket_is_not_taken_for_one(tmp_path, pki, which):
    path = tmp_path / "letters.txt"
    path.write_text("Dear Ada\n")
    place = {"address": f"unix:{path}"}
    said = refused(tmp_path, lambda c: c["listeners"][0].update(place) if which == "listener"
                   else c.update(admin=place), pki)
    assert f"cannot listen on unix:{path}: there is a file that is no socket" in said
    assert path.read_text() == "Dear Ada\n"


def test_root_is_dropped_for_the_user_of_the_file(start, pki):
    if os.geteuid() != 0:
        pytest.fail("run as root: only root can become another")
    os.chmod(pki.base, 0o755)
    running = start(user="nobody")
    status = open(f"/proc/{running.process.pid}/status", encoding="ascii").read()
    uid = int(re.search(r"^Uid:\s+(\d+)", status, re.M).group(1))
    assert uid != 0
    with running.client() as client:
        client.connect("served")


@pytest.mark.parametrize("workers", [1, 3])
def test_each_worker_has_a_listening_socket_of_its_own(start, workers):
    running = start(workers=workers)
    table = open("/proc/net/tcp", encoding="ascii").read()
    listening = re.findall(rf"^ *\d+: 0100007F:{running.port:04X} 00000000:0000 0A ", table, re.M)
    assert len(listening) == workers
    assert f"workers={workers} " in running.text


@pytest.mark.threads
def test_the_workers_share_the_clients(start, mosquitto):
    running = start(workers=2, backends=[{"servers": [mosquitto().address]}])
    clients = [running.client() for _ in range(40)]
    for number, client in enumerate(clients):
        client.connect(f"shared-{number}")
    # Handshakes cost time: a worker that made none has used next to nothing.
    used = []
    for task in set(os.listdir(f"/proc/{running.process.pid}/task")) - {str(running.process.pid)}:
        schedstat = open(f"/proc/{running.process.pid}/task/{task}/schedstat", encoding="ascii")
        used.append(int(schedstat.read().split()[0]))
    assert sum(nanoseconds > 1_000_000 for nanoseconds in used) >= 2
    for client in clients:
        client.close()


def test_the_included_broker_opens_no_port(start):
    running = start(workers=2)
    folder = f"/proc/{running.process.pid}/fd"
    held = {os.readlink(f"{folder}/{number}") for number in os.listdir(folder)}
    listening = set()
    for family in ("tcp", "tcp6"):
        for line in open(f"/proc/net/{family}", encoding="ascii").readlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and f"socket:[{fields[9]}]" in held:
                listening.add(int(fields[1].split(":")[1], 16))
    assert listening == {running.port}
