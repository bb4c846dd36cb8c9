# SPDX-License-Identifier: GPL-3.0-or-later
"""What the documents show is true."""

import base64
import pathlib
import re
import shutil
import subprocess

import pytest

from admin import api, metrics, with_admin
from postern import BINARY, ROOT, Broker, wait_until

BLOCKS = [pytest.param(block, id=f"{path.name}-{number}")
          for path in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
          for number, block in enumerate(re.findall(r"^```yaml\n(.*?)^```", path.read_text(),
                                                    re.M | re.S), 1)
          if re.match("(listeners|admin):", block) and "\nbackends:" in block]


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    directory = tmp_path_factory.mktemp("documents")
    subprocess.run([BINARY, "certs", "init", directory / "certs"], check=True, capture_output=True)
    for file in (directory / "certs").glob("*.*"):
        shutil.copy(file, directory)
    subprocess.run([BINARY, "passwd", directory / "users", "ann", "--stdin"], check=True,
                   input="secret\n", text=True)
    (directory / "broker-password").write_text("secret\n")
    (directory / "tickets.key").write_text(base64.b64encode(bytes(48)).decode() + "\n")
    return directory


def check(file):
    return subprocess.run([BINARY, "check", "-c", file], capture_output=True, text=True)


@pytest.mark.parametrize("block", BLOCKS)
def test_a_whole_configuration_in_a_document_passes_check(home, block):
    file = home / "shown.yaml"
    file.write_text(block)
    done = check(file)
    assert done.returncode == 0, done.stdout + done.stderr


def test_there_are_whole_configurations_in_the_documents():
    assert len(BLOCKS) >= 3


def test_the_configuration_of_the_compose_file_passes_check(home):
    file = shutil.copy(ROOT / "deploy/compose/postern.yaml", home)
    done = check(file)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_man_page_names_every_command():
    page = (ROOT / "deploy/man/postern.1").read_text().replace("\\-", "-")
    told = subprocess.run([BINARY, "--help"], capture_output=True, text=True, check=True).stdout
    commands = re.findall(r"^  (\w+) ", told, re.M)
    assert len(commands) >= 6
    for command in commands:
        assert re.search(rf"^\.(TP\n\.)?(B|BI|B) \"?{command}\b", page, re.M), command


def spoken(command):
    """The options in its --help."""
    told = subprocess.run([BINARY, *command, "--help"], capture_output=True, text=True, check=True).stdout
    return set(re.findall(r"^  (?:-.,|   ) (--[a-z-]+)", told, re.M))


COMMANDS = ["run", "check", "explain", "probe", "inventory", "top", "health", "certs init", "certs client",
            "certs server", "certs revoke", "certs crl", "certs show", "broker", "passwd", "schema", "version"]


@pytest.mark.parametrize("command", COMMANDS)
def test_the_man_page_has_the_options_of_a_command(command):
    page = (ROOT / "deploy/man/postern.1").read_text().replace("\\-", "-")
    section = re.search(rf'^\.TP\n\.(?:B|BI) "?{command}\b.*?(?=^\.TP\n\.(?:B|BI) "?[a-z]|^\.SH)', page,
                        re.M | re.S)[0]
    options = spoken(command.split()) - {"--help", "--config"}
    assert set(re.findall(r"--[a-z]+(?:-[a-z]+)*", section)) - {"--config"} == options


@pytest.mark.parametrize("page", ["postern.1", "postern.yaml.5"])
def test_the_man_pages_are_set_without_a_warning(page):
    done = subprocess.run(["groff", "-man", "-ww", "-Tutf8", "-z", ROOT / "deploy/man" / page],
                          capture_output=True, text=True, check=True)
    assert done.stderr == ""


def test_an_installation_has_binary_man_page_unit_and_examples(tmp_path):
    build = pathlib.Path(BINARY).parent
    done = subprocess.run(["cmake", "--install", build, "--prefix", tmp_path], capture_output=True,
                          text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    installed = {str(file.relative_to(tmp_path)) for file in tmp_path.rglob("*") if file.is_file()}
    assert {"bin/postern", "share/man/man1/postern.1", "share/man/man5/postern.yaml.5",
            "share/bash-completion/completions/postern", "share/zsh/vendor-completions/_postern",
            "share/fish/vendor_completions.d/postern.fish", "etc/postern/postern.yaml",
            "lib/systemd/system/postern.service", "lib/systemd/system/postern.socket",
            "share/doc/postern/examples/minimal.yaml"} <= installed
    assert subprocess.run([tmp_path / "bin/postern", "version"]).returncode == 0


def documented(section):
    """The rows of the table that follows a comment `<!-- SECTION: ... -->` in docs/admin.md."""
    text = (ROOT / "docs/admin.md").read_text()
    table = re.search(rf"<!-- {section}: .*?-->\n\n(.*?)\n\n", text + "\n\n", re.S)[1]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()[2:]]


@pytest.fixture
def telling(start, pki):
    """A Postern that has something to say in every place."""
    postern = with_admin(start, policies=[{"name": "p", "rules": [
        {"name": "new", "until": "2999-01-01", "require": {"tls_version": "1.3"}}]}],
        tls={"client_certificate": "optional", "client_ca": pki.path("ca.pem"),
             "client_crl": [pki.path("ca.crl")]})
    with postern.client(4, version="1.2") as client:
        client.connect("refused")
    with postern.raw() as peer:
        peer.sendall(b"GET / HTTP/1.1\r\n\r\n")
        assert peer.recv(64) == b""
    with postern.client(5) as client:
        client.connect("admitted")
        yield postern


def test_the_table_of_metrics_is_what_the_program_says(telling):
    found = metrics(telling)
    told = {}
    for name, text in re.findall(r"^# HELP (\S+) (.*)$", found.text, re.M):
        kind = re.search(rf"^# TYPE {name} (\w+)$", found.text, re.M)[1]
        samples = found.labels(name + "_count" if kind == "histogram" else name)
        assert len(samples) == 1, name
        told[name] = (kind, samples.pop(), text)
    table = {name.strip("`"): (kind, frozenset(re.findall(r"`(\w+)`", labels)), text)
             for name, kind, labels, text in documented("metrics")}
    assert table == told


def members(value, path=""):
    """Every member as `a.b[].c`, once."""
    if isinstance(value, dict):
        return {there for name, inner in value.items()
                for there in members(inner, f"{path}.{name}" if path else name)}
    if isinstance(value, list):
        return {there for inner in value for there in members(inner, path + "[]")} or {path + "[]"}
    return {path}


def test_the_tables_of_the_reports_are_what_the_program_says(telling):
    wait_until(lambda: api(telling, "history")["samples"], "the first sample")
    for report in ("status", "sessions", "backends", "history"):
        told = {re.sub(r"^((?:totals|minutes\[\])\.(?:\w+_by_reason|\w+_versions|groups|ciphers))\..*", r"\1.*", name)
                for name in members(api(telling, report))}
        table = {name for row in documented(report) for name in re.findall(r"`([^`]+)`", row[0])}
        assert table == told, report


def test_the_table_of_certificates_is_what_the_program_says(telling):
    table = {name for row in documented("certificates") for name in re.findall(r"`([^`]+)`", row[0])}
    lists = {"listeners[].certificates[]", "listeners[].certificates[].chain[]", "listeners[].client_cas[]"}
    each = {name for name in table if not name.startswith("listeners")}
    assert lists < table and len(each) == 11
    expected = {f"{place}.{name}" for place in lists for name in each} | (table - lists - each)
    assert members(api(telling, "certificates")) == expected | {
        place + ".names[]" for place in lists}


GUIDE = (ROOT / "docs/broker.md").read_text()


def test_the_brokers_file_of_its_guide_is_one_that_it_runs_with(home):
    block = re.search(r"^```yaml\n(# broker\.yaml\n.*?)^```", GUIDE, re.M | re.S).group(1)
    running = Broker(home, block)
    try:
        with running.raw(5) as client:
            assert client.connect("c", username="ann", password="secret").code == 0
            assert client.subscribe("secret/door").codes == [0x87]
    finally:
        running.stop()


def test_the_brokers_guide_shows_commands_that_work(tmp_path):
    lines = re.findall(r"^(?:echo .* \| )?postern passwd .*(?:--stdin|--delete)$", GUIDE, re.M)
    assert len(lines) == 2
    subprocess.run([BINARY, "passwd", tmp_path / "users", "ann", "--stdin"], check=True,
                   input="secret\n", text=True)
    for line in lines:
        subprocess.run(["sh", "-ec", line.replace("postern", BINARY)], check=True, cwd=tmp_path,
                       env={"PASSWORD": "secret", "PATH": "/bin:/usr/bin"})
    assert re.fullmatch(r"bob:\$argon2id\$.*\n", (tmp_path / "users").read_text())


def test_the_brokers_guide_tells_the_defaults_of_its_limits():
    reference = (ROOT / "docs/configuration.md").read_text().split("## `backends[].builtin_broker`")[1]
    defaults = dict(re.findall(r"^\| `(\w+)` \| [^|]* \| `([^`]*)` \|", reference.split("\n## ")[0], re.M))
    table = GUIDE.split("## What happens at a limit")[1].split("\n## ")[0]
    limits = {key: value for key, value in defaults.items() if key.startswith(("max_", "receive_", "topic_"))}
    assert len(limits) == 9
    for key, value in limits.items():
        row = next(line for line in table.splitlines() if f"`{key}`" in line)
        told = value.replace("7d", "7 days").replace("MiB", " MiB")
        told = "no limit" if key == "max_keep_alive" else f"{int(told):,}" if told.isdigit() else told
        assert told in row, (key, value)
