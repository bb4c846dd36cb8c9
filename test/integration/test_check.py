# SPDX-License-Identifier: GPL-3.0-or-later
"""`postern check` and `postern schema`: what is wrong with a file is said with its place, and what
editors are told agrees with what is accepted."""

import datetime
import json
import os
import pathlib
import re
import shutil
import socket
import subprocess

import jsonschema
import pytest
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
POSTERN = os.environ.get("POSTERN", str(ROOT / "build/release/postern"))
EXAMPLES = sorted((ROOT / "config/examples").glob("*.yaml"))
FINDING = re.compile(r"^(?P<file>.+?):(?P<line>\d+):(?P<column>\d+): (error|warning): .+$")

MINIMAL = """\
listeners:
  - address: 127.0.0.1:8883
    tls: { certificate: pki/broker.pem, private_key: pki/broker.key }
backends:
  - servers: [ 127.0.0.1:1883 ]
"""


def postern(*words, **environment):
    return subprocess.run(
        [POSTERN, *map(str, words)],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, **environment},
    )


def write(directory, text):
    path = directory / "postern.yaml"
    path.write_text(text)
    return path


def check(directory, text, **environment):
    return postern("check", "-c", write(directory, text), **environment)


@pytest.fixture(scope="module")
def pki(tmp_path_factory):
    directory = tmp_path_factory.mktemp("pki")
    made = postern("certs", "init", directory, "--name", "localhost")
    assert made.returncode == 0, made.stderr
    return directory


@pytest.fixture
def home(pki, tmp_path):
    """A directory with a PKI of its own, whose files a test may spoil."""
    shutil.copytree(pki, tmp_path / "pki")
    return tmp_path


def test_says_nothing_but_that_a_clean_file_is_clean(home):
    done = check(home, MINIMAL)
    assert done.stdout == ""
    assert done.stderr == f"{home}/postern.yaml: no errors\n"
    assert done.returncode == 0


def test_does_not_wait_for_a_pipe_in_the_place_of_a_file(home):
    os.unlink(home / "pki/broker.pem")
    os.mkfifo(home / "pki/broker.pem")
    done = check(home, MINIMAL)
    assert done.returncode == 1
    assert "broker.pem: it is not a regular file" in done.stdout


@pytest.mark.parametrize("command", ["check", "run"])
@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir, lambda path: os.symlink("/dev/zero", path)])
def test_takes_nothing_for_a_configuration_that_is_no_file(tmp_path, command, make):
    path = tmp_path / "postern.yaml"
    make(path)
    done = postern(command, "-c", path)
    assert done.returncode == 1 and "postern.yaml:1:1: error: cannot read the file: " in done.stdout + done.stderr
    assert "not a regular file" in done.stdout + done.stderr


def test_takes_a_configuration_from_a_pipe_of_the_shell(home):
    for words in (f"cat postern.yaml | {POSTERN} check -c /dev/stdin", f"{POSTERN} check -c <(sleep 0.1; cat postern.yaml)"):
        write(home, MINIMAL.replace("pki/", f"{home}/pki/"))
        done = subprocess.run(["bash", "-c", words], cwd=home, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0 and "no errors" in done.stderr, done


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir, lambda path: os.symlink("/dev/zero", path)])
@pytest.mark.parametrize("key", ["certificate", "private_key", "client_ca", "client_crl", "key_file",
                                 "password_file", "users"])
def test_takes_nothing_for_a_file_that_is_none(home, key, make):
    make(home / "odd")
    text = {
        "certificate": MINIMAL.replace("pki/broker.pem", "odd"),
        "private_key": MINIMAL.replace("pki/broker.key", "odd"),
        "client_ca": MINIMAL.replace("broker.key }", "broker.key, client_certificate: required, client_ca: odd }"),
        "client_crl": MINIMAL.replace("broker.key }", "broker.key, client_certificate: required, "
                                                      "client_ca: pki/ca.pem, client_crl: [ odd ] }"),
        "key_file": MINIMAL.replace("broker.key }", "broker.key, session_tickets: { key_file: odd } }"),
        "password_file": MINIMAL.replace("backends:", "    policy: p\nbackends:") +
                         "policies: [ { name: p, rules: [ { connect: { password_file: odd } } ] } ]\n",
        "users": MINIMAL.replace("servers: [ 127.0.0.1:1883 ]",
                                 "builtin_broker: { password_file: odd }"),
    }[key]
    done = check(home, text)
    assert done.returncode == 1 and re.search(r"odd: it is not a regular file", done.stdout), done


@pytest.mark.parametrize("key", ["certificate", "key_file"])
def test_takes_no_huge_file_into_memory(home, key):
    with open(home / "huge", "wb") as huge:
        huge.truncate(1 << 36)
    done = check(home, MINIMAL.replace("pki/broker.pem", "huge") if key == "certificate" else
                 MINIMAL.replace("broker.key }", "broker.key, session_tickets: { key_file: huge } }"))
    assert done.returncode == 1 and re.search(r"huge: it is larger than \d+ bytes", done.stdout), done


def test_a_log_that_nobody_reads_is_not_waited_for(home):
    os.mkfifo(home / "log")
    write(home, MINIMAL + "log: { file: log }\n")
    done = postern("run", "-c", home / "postern.yaml")
    assert done.returncode == 1 and "cannot open the log file" in done.stderr


def test_takes_a_port_that_is_in_use_because_it_opens_no_socket(home):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert check(home, MINIMAL.replace("8883", str(port))).returncode == 0


def test_exits_0_with_warnings_alone(home):
    done = check(home, MINIMAL.replace("127.0.0.1:1883", "10.0.0.5:1883"))
    only, = done.stdout.splitlines()
    assert re.fullmatch(r".+postern\.yaml:5:16: warning: .*10\.0\.0\.5:1883 unencrypted.*", only)
    assert done.stderr.endswith("postern.yaml: no errors, 1 warning\n")
    assert done.returncode == 0


def test_finds_every_error_in_one_pass_and_in_the_order_of_the_file():
    path = ROOT / "test/golden/config-errors.yaml"
    done = postern("check", "-c", path)
    expected = (ROOT / "test/golden/config-errors.txt").read_text().splitlines()
    assert done.stdout.splitlines() == [f"{path}:{line}" for line in expected]
    assert done.returncode == 1
    places = [FINDING.match(line) for line in done.stdout.splitlines()]
    assert all(places)
    order = [(int(place["line"]), int(place["column"])) for place in places]
    assert order == sorted(order)


@pytest.mark.parametrize(
    "old, new, finding",
    [
        ("address", "adress", '2:5: error: unknown key "adress" in a listener: did you mean "address"?'),
        ("tls: {", "tls: { min_version: 1.1,", "3:25: error: min_version: "),
        ("backends:", "backend:", '1:1: error: the file needs the key "backends"'),
        ("address:", "address: x:1\n    address:", "3:5: error: duplicate key"),
    ],
)
def test_names_the_place_and_what_to_do(home, old, new, finding):
    done = check(home, MINIMAL.replace(old, new))
    assert f"postern.yaml:{finding}" in done.stdout
    assert done.returncode == 1


def test_says_where_the_syntax_is_wrong(home):
    done = check(home, "listeners:\n  - address: [\n")
    assert re.search(r"postern\.yaml:3:1: error: YAML syntax: ", done.stdout)
    assert done.returncode == 1


def test_fills_in_the_environment(home):
    text = MINIMAL.replace("pki/broker.pem", '"${env.CERTIFICATES}/broker.pem"')
    done = check(home, text)
    assert "3:25: error: certificate: the environment variable CERTIFICATES is not set" in done.stdout
    assert done.returncode == 1
    assert check(home, text, CERTIFICATES="pki").returncode == 0


def test_takes_a_file_of_windows(home):
    text = MINIMAL.replace("address", "adress").replace("\n", "\r\n")
    done = check(home, "\ufeff" + text)
    assert 'postern.yaml:2:5: error: unknown key "adress"' in done.stdout
    assert check(home, "\ufeff" + MINIMAL.replace("\n", "\r\n")).returncode == 0


@pytest.mark.parametrize("content, wrong", [
    (None, "cannot read .*/secret: No such file or directory"), ("\n", "the password, is empty")])
def test_reads_the_password_that_a_broker_would_be_told(home, content, wrong):
    text = MINIMAL.replace("  - address", "  - policy: p\n    address", 1) + (
        "policies:\n  - name: p\n    rules:\n      - connect: { password_file: secret }\n")
    if content is not None:
        (home / "secret").write_text(content)
    done = check(home, text)
    assert re.fullmatch(rf".+postern\.yaml:10:35: error: .*{wrong}\n", done.stdout)
    assert done.returncode == 1
    (home / "secret").write_text("not to be seen\n")
    done = check(home, text)
    assert (done.returncode, done.stdout) == (0, "")
    assert "not to be seen" not in done.stderr


def test_names_files_that_are_missing_at_the_key_that_names_them(home):
    (home / "pki/broker.pem").unlink()
    done = check(home, MINIMAL)
    assert re.search(r"postern\.yaml:3:25: error: .*broker\.pem", done.stdout)
    assert done.returncode == 1


def test_refuses_a_key_that_does_not_belong_to_its_certificate(home):
    done = check(home, MINIMAL.replace("broker.key", "client.key"))
    assert re.search(r"postern\.yaml:3:54: error: .*client\.key", done.stdout)
    assert done.returncode == 1


def test_looks_at_client_cas_and_revocation_lists(home):
    text = MINIMAL.replace(
        "broker.key }",
        "broker.key, client_certificate: required,\n"
        "           client_ca: pki/ca.pem, client_crl: [ pki/ca.crl ] }",
    )
    done = check(home, text)
    assert done.returncode == 0, done.stdout
    (home / "pki/ca.pem").write_text("nothing\n")
    (home / "pki/ca.crl").write_text("nothing\n")
    done = check(home, text)
    assert re.search(r"postern\.yaml:4:23: error: .*ca\.pem", done.stdout)
    assert re.search(r"postern\.yaml:4:49: error: .*ca\.crl", done.stdout)
    assert done.returncode == 1


def test_refuses_a_ticket_key_file_that_is_missing(home):
    text = MINIMAL.replace(
        "broker.key }", "broker.key,\n           session_tickets: { key_file: tickets.key } }"
    )
    done = check(home, text)
    assert re.search(r"postern\.yaml:4:41: error: .*tickets\.key", done.stdout)
    assert done.returncode == 1


def test_says_that_there_is_no_file(tmp_path):
    done = postern("check", "-c", tmp_path / "none.yaml")
    assert "none.yaml:1:1: error: cannot read the file: No such file" in done.stdout
    assert done.returncode == 1


def test_takes_wrong_use_for_a_usage_error():
    done = postern("check", "--confg", "x")
    assert "did you mean --config?" in done.stderr
    assert done.returncode == 2
    assert postern("check").returncode == 2
    assert postern("check", "-c", "x", "stray").returncode == 2
    assert postern("schema", "--referense").returncode == 2


@pytest.mark.parametrize("command", ["check", "schema"])
def test_shows_help(command):
    done = postern(command, "--help")
    assert done.stdout.startswith(f"Usage: postern {command}")
    assert done.returncode == 0


@pytest.fixture(scope="module")
def schema():
    done = postern("schema")
    assert done.returncode == 0
    loaded = json.loads(done.stdout)
    jsonschema.Draft202012Validator.check_schema(loaded)
    return jsonschema.Draft202012Validator(loaded)


def load(text, loader):
    """As JSON would have it: YAML knows dates."""

    def plain(value):
        if isinstance(value, dict):
            return {key: plain(item) for key, item in value.items()}
        if isinstance(value, list):
            return [plain(item) for item in value]
        return value.isoformat() if isinstance(value, datetime.date) else value

    return plain(yaml.load(text, loader))


def written_out(node):
    """The defaults of a map's keys, as one would write them."""
    found = {}
    for name, key in node["properties"].items():
        if "default" in key:
            found[name] = key["default"]
        elif "properties" in key and name != "admin":
            found[name] = written_out(key)
    return found


def test_every_default_may_be_written_out(schema, home):
    properties = schema.schema["properties"]
    items = {name: properties[name]["items"] for name in ("listeners", "backends", "policies")}
    rule = written_out(items["policies"]["properties"]["rules"]["items"])
    text = yaml.safe_load(MINIMAL)
    policy = {"name": "p", "rules": [{"name": "r", **{key: rule[key] for key in ("publish", "require")}}]}
    full = {**written_out(schema.schema), **text, "policies": [{**written_out(items["policies"]), **policy}]}
    listener = {**written_out(items["listeners"]), **text["listeners"][0], "policy": "p"}
    listener["tls"] = {**written_out(items["listeners"]["properties"]["tls"]), **listener["tls"]}
    full["listeners"] = [listener]
    full["backends"] = [{**written_out(items["backends"]), **text["backends"][0]}]
    assert full["drain"]["server_reference"] == "" and listener["limits"]["handshake_timeout"] == "15s"
    assert [error.message for error in schema.iter_errors(full)] == []
    done = check(home, yaml.safe_dump(full))
    assert (done.returncode, done.stdout.count("error:")) == (0, 0), done.stdout


@pytest.mark.parametrize("name,good", [
    ("*.a.example", True), ("a.example", True), ("*", False), ("a.*.example", False), ("*a.example", False)])
def test_a_server_name_that_no_name_matches_is_an_error(home, name, good):
    pair = "{ certificate: pki/broker.pem, private_key: pki/broker.key, server_names: [ '%s' ] }" % name
    done = check(home, MINIMAL.replace("tls: {", f"tls: {{ certificates: [ {pair} ],"))
    assert done.returncode == (0 if good else 1), done.stdout
    if not good:
        assert f'error: server_names: no name matches "{name}"' in done.stdout


@pytest.mark.parametrize("loader", [yaml.SafeLoader, yaml.BaseLoader])
@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_schema_accepts_every_example(schema, path, loader):
    assert [error.message for error in schema.iter_errors(load(path.read_text(), loader))] == []


@pytest.mark.parametrize(
    "text",
    [
        MINIMAL.replace("address", "adress"),
        MINIMAL + "workers: 0\n",
        MINIMAL + "workers: many\n",
        MINIMAL + "drain: { timeout: 10 }\n",
        MINIMAL.replace("tls: {", "tls: { min_version: 1.1,"),
        MINIMAL.replace(", private_key: pki/broker.key", ""),
        MINIMAL.replace("[ 127.0.0.1:1883 ]", "[ nowhere ]"),
        "backends: []\n",
    ],
)
def test_schema_and_check_refuse_the_same(schema, home, text):
    assert list(schema.iter_errors(load(text, yaml.SafeLoader)))
    assert check(home, text).returncode == 1


@pytest.mark.parametrize(
    "text",
    [
        MINIMAL + 'workers: "4"\n',
        MINIMAL + "workers: auto\n",
        MINIMAL + "log: { access: off }\n",
        MINIMAL + "drain: { timeout: 0 }\n",
        MINIMAL + 'user: "${env.HOME}"\n',
        MINIMAL.replace("tls: {", "limits: { idle_timeout: off }\n    tls: { min_version: 1.3,"),
        MINIMAL.replace("tls: {", "limits: { max_connect_size: 4096 }\n    tls: { alpn: mqtt,"),
        MINIMAL.replace("[ 127.0.0.1:1883 ]", "127.0.0.1:1883"),
    ],
)
def test_schema_and_check_accept_the_same(schema, home, text):
    assert not list(schema.iter_errors(load(text, yaml.SafeLoader)))
    done = check(home, text)
    assert done.returncode == 0, done.stdout


def test_reference_page_has_every_key_and_is_up_to_date(schema):
    done = postern("schema", "--reference")
    assert done.returncode == 0
    assert done.stdout == (ROOT / "docs/configuration.md").read_text()

    def keys(node):
        for name, value in node.get("properties", {}).items():
            yield name
            yield from keys(value)
        for part in [node["items"]] if "items" in node else node.get("anyOf", []):
            yield from keys(part)

    missing = {name for name in keys(schema.schema) if f"| `{name}` |" not in done.stdout}
    assert not missing


def test_a_user_that_this_machine_has_not_got_is_a_warning(home):
    found = check(home, MINIMAL + "user: nobody-at-all\n")
    assert found.returncode == 0
    (line,) = found.stdout.splitlines()
    assert FINDING.match(line) and ":6:7: warning: this machine has no user nobody-at-all" in line
    assert check(home, MINIMAL + "user: nobody\n").stdout == ""
