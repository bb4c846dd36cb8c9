# SPDX-License-Identifier: GPL-3.0-or-later
"""The manifests of deploy/kubernetes agree with themselves and with the program. There is no cluster
here: what is asked of the API is checked by its rules for these kinds."""

import base64
import os
import pathlib
import re
import signal
import ssl
import subprocess

import pytest
import yaml

from admin import Metrics, get
from postern import BINARY, DEADLINE, ROOT, Postern, free_port, wait_until

FOLDER = ROOT / "deploy/kubernetes"
APPS = {"sidecar": "mqtt", "gateway": "postern"}


class Strict(yaml.SafeLoader):
    """Refuses a key that stands twice."""

    def construct_mapping(self, node, deep=False):
        keys = [self.construct_object(key, deep=deep) for key, _ in node.value]
        assert len(keys) == len(set(keys)), f"twice in one map: {keys}"
        return super().construct_mapping(node, deep)


def documents(name):
    return list(yaml.load_all((FOLDER / f"{name}.yaml").read_text(), Strict))


def one(name, kind, called=None):
    found = [each for each in documents(name) if each["kind"] == kind
             and called in (None, each["metadata"]["name"])]
    assert len(found) == 1, (name, kind, called)
    return found[0]


def pod(name):
    return one(name, "Deployment")["spec"]["template"]["spec"]


def container(name, called="postern"):
    return next(each for each in pod(name)["containers"] if each["name"] == called)


def configuration(name):
    return yaml.safe_load(one(name, "ConfigMap", "postern")["data"]["postern.yaml"])


def mounted(name, directory, pki):
    """The pod's volumes as folders below `directory`, each swapped in as kubelet does; the text of its
    configuration with these paths."""
    files = {"tls": {"tls.crt": pki.path("server.pem"), "tls.key": pki.path("server.key")},
             "device-ca": {"ca.pem": pki.path("ca.pem"), "ca.crl": pki.path("ca.crl")},
             "tickets": {"tickets.key": None}}
    text = one(name, "ConfigMap", "postern")["data"]["postern.yaml"]
    for mount in container(name)["volumeMounts"]:
        if mount["name"] == "config":
            continue
        swap(directory / mount["name"], {
            file: pathlib.Path(path).read_text() if path else base64.b64encode(bytes(48)).decode() + "\n"
            for file, path in files[mount["name"]].items()})
        text = text.replace(mount["mountPath"] + "/", f"{directory}/{mount['name']}/")
    return text


def swap(folder, files):
    folder.mkdir(exist_ok=True)
    version = folder / f"..{len(list(folder.iterdir()))}"
    version.mkdir()
    for name, text in files.items():
        (version / name).write_text(text)
        if not (folder / name).is_symlink():
            os.symlink(f"..data/{name}", folder / name)
    os.symlink(version.name, folder / "..data_tmp")
    os.rename(folder / "..data_tmp", folder / "..data")


@pytest.fixture(params=APPS)
def running(request, tmp_path, pki, mosquitto):
    """The pod's Postern, with its own configuration; ports and brokers are other ones."""
    port, admin = free_port(), free_port()
    text = mounted(request.param, tmp_path, pki)
    text = text.replace("0.0.0.0:8883", f"127.0.0.1:{port}").replace("0.0.0.0:9883", f"127.0.0.1:{admin}")
    text = re.sub(r"broker-\d\.broker:1883|127\.0\.0\.1:1883", lambda _: mosquitto().address, text)
    config = yaml.safe_load(text)
    config["drain"]["delay"] = "100ms"
    postern = Postern(tmp_path, pki=pki, **config)
    postern.port, postern.admin, postern.manifest = port, admin, request.param
    wait_until(lambda: get(admin, "/readyz")[0] == 200, "the brokers to be found")
    yield postern
    postern.stop()


# ------------------------------------------------------------------------- the manifests alone

API = {"Certificate": "cert-manager.io/v1", "ConfigMap": "v1", "PersistentVolumeClaim": "v1",
       "Deployment": "apps/v1", "Service": "v1", "NetworkPolicy": "networking.k8s.io/v1",
       "PodDisruptionBudget": "policy/v1", "HorizontalPodAutoscaler": "autoscaling/v2",
       "ServiceAccount": "v1", "Role": "rbac.authorization.k8s.io/v1",
       "RoleBinding": "rbac.authorization.k8s.io/v1", "CronJob": "batch/v1",
       "PodMonitor": "monitoring.coreos.com/v1"}
SPEC = {"Certificate": {"secretName", "issuerRef", "dnsNames"}, "Deployment": {"selector", "template"},
        "Service": {"selector", "ports"}, "NetworkPolicy": {"podSelector", "policyTypes"},
        "PersistentVolumeClaim": {"accessModes", "resources"}, "PodDisruptionBudget": {"selector"},
        "HorizontalPodAutoscaler": {"scaleTargetRef", "maxReplicas"}, "CronJob": {"schedule", "jobTemplate"},
        "PodMonitor": {"selector", "podMetricsEndpoints"}}


@pytest.mark.parametrize("name", ["sidecar", "gateway", "ticket-keys", "podmonitor"])
def test_every_manifest_is_of_a_kind_and_has_what_it_must(name):
    seen = set()
    for each in documents(name):
        kind, called = each["kind"], each["metadata"]["name"]
        assert each["apiVersion"] == API[kind]
        assert re.fullmatch(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", called)
        assert (kind, called) not in seen
        seen.add((kind, called))
        assert SPEC.get(kind, set()) <= set(each.get("spec", {}))
        assert set(each) <= {"apiVersion", "kind", "metadata", "spec", "data", "rules", "roleRef", "subjects"}


@pytest.mark.parametrize("name", APPS)
def test_what_refers_to_something_finds_it(name):
    labels = one(name, "Deployment")["spec"]["template"]["metadata"]["labels"]
    assert one(name, "Deployment")["spec"]["selector"]["matchLabels"] == labels
    assert one(name, "Service")["spec"]["selector"] == labels
    ports = {port["name"]: port["containerPort"] for port in container(name)["ports"]}
    assert {port["targetPort"] for port in one(name, "Service")["spec"]["ports"]} <= set(ports)
    policy = one(name, "NetworkPolicy", APPS[name])["spec"]
    assert policy["podSelector"]["matchLabels"] == labels
    assert {port["port"] for rule in policy["ingress"] for port in rule["ports"]} == set(ports)
    for probe in ("livenessProbe", "readinessProbe"):
        assert container(name)[probe]["httpGet"]["port"] in ports
    for each in pod(name)["containers"]:
        for mount in each["volumeMounts"]:
            assert "subPath" not in mount
            assert mount["name"] in {volume["name"] for volume in pod(name)["volumes"]}
    made = {each["metadata"]["name"] for each in documents(name) if each["kind"] == "ConfigMap"}
    given = {"device-ca"}  # the comment at the beginning says how
    for volume in pod(name)["volumes"]:
        assert volume.get("configMap", {}).get("name", "device-ca") in made | given
        assert volume.get("secret", {}).get("secretName", "postern-tickets") in {
            one(name, "Certificate")["spec"]["secretName"], "postern-tickets"}
    config = configuration(name)
    assert {config["listeners"][0]["address"], config["admin"]["address"]} == {
        f"0.0.0.0:{port}" for port in ports.values()}


def test_the_autoscaler_scales_the_gateway_by_metrics_that_the_adapter_makes():
    spec = one("gateway", "HorizontalPodAutoscaler")["spec"]
    assert spec["scaleTargetRef"]["name"] == one("gateway", "Deployment")["metadata"]["name"]
    assert "replicas" not in one("gateway", "Deployment")["spec"]
    wanted = {metric["pods"]["metric"]["name"] for metric in spec["metrics"]}
    rules = documents("prometheus-adapter")[0]["rules"]["custom"]
    assert wanted == {rule["name"]["as"] for rule in rules}
    budget = one("gateway", "PodDisruptionBudget")["spec"]["selector"]
    assert budget == one("gateway", "Deployment")["spec"]["selector"]


@pytest.mark.parametrize("name,called", [("sidecar", "postern"), ("sidecar", "mosquitto"), ("gateway", "postern")])
def test_no_container_has_rights_and_each_has_bounds(name, called):
    both = {**pod(name)["securityContext"], **container(name, called)["securityContext"]}
    assert both["runAsNonRoot"] and both["runAsUser"] > 0 and both["readOnlyRootFilesystem"]
    assert both["allowPrivilegeEscalation"] is False and both["capabilities"] == {"drop": ["ALL"]}
    assert both["seccompProfile"] == {"type": "RuntimeDefault"}
    assert {"requests", "limits"} == set(container(name, called)["resources"])
    if called == "postern":
        assert f"USER {both['runAsUser']}:{both['runAsGroup']}" in (ROOT / "Dockerfile").read_text()


@pytest.mark.parametrize("name", APPS)
def test_the_pod_waits_for_the_whole_drain_and_the_service_looks_away_first(name):
    drain = {key: int(value[:-1]) for key, value in configuration(name)["drain"].items()}
    assert pod(name)["terminationGracePeriodSeconds"] >= drain["delay"] + drain["timeout"] + 10
    ready = container(name)["readinessProbe"]
    assert drain["delay"] > ready["periodSeconds"] * ready["failureThreshold"]
    assert drain["spread"] < drain["timeout"]


# ------------------------------------------------------------------------------ with the program


@pytest.mark.parametrize("name", APPS)
def test_the_configuration_passes_check(name, tmp_path, pki):
    file = tmp_path / "postern.yaml"
    file.write_text(mounted(name, tmp_path, pki))
    done = subprocess.run([BINARY, "check", "-c", file], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_pod_serves_answers_its_probes_and_has_the_metrics_of_the_autoscaler(running):
    with running.client(5, identity="sensor-1") as mine:
        assert mine.connect("sensor-1").code == 0
        with running.client(5, identity="sensor-2") as other:
            assert other.connect("sensor-1").code == 0x85
        for probe in ("livenessProbe", "readinessProbe"):
            assert get(running.admin, container(running.manifest)[probe]["httpGet"]["path"])[0] == 200
        found = Metrics(get(running.admin, one("podmonitor", "PodMonitor")["spec"]["podMetricsEndpoints"][0]["path"])[1])
        for rule in documents("prometheus-adapter")[0]["rules"]["custom"]:
            series = rule["name"]["matches"]
            assert rule["seriesQuery"].startswith(series + "{") and found.sum(series) >= 1


def test_a_certificate_that_cert_manager_renews_is_served_without_a_signal(running, tmp_path, pki):
    def served():
        with running.client(identity="sensor-1", ca="root.crt") as client:
            return client.socket.getpeercert(binary_form=True)
    before = served()
    pki.server("renewed", "localhost")
    swap(tmp_path / "tls", {"tls.crt": pathlib.Path(pki.path("renewed.pem")).read_text(),
                            "tls.key": pathlib.Path(pki.path("renewed.key")).read_text()})
    wait_until(lambda: served() != before, "the new certificate")
    assert ssl.DER_cert_to_PEM_cert(served()).strip() in pathlib.Path(pki.path("renewed.pem")).read_text()
    assert "WARN" not in running.text and " error " not in running.text


@pytest.mark.parametrize("running", ["sidecar"], indirect=True)
def test_the_broker_of_the_sidecar_stays_until_postern_has_gone(running, tmp_path):
    command = container("sidecar", "mosquitto")["lifecycle"]["preStop"]["exec"]["command"]
    wget = tmp_path / "wget"  # as busybox has it
    wget.write_text('#!/bin/sh\n[ "$1 $2 $3" = "-q -O /dev/null" ] || exit 2\n'
                    f'echo asked >>{tmp_path}/asked\nexec curl -fs -o "$3" "$4"\n')
    wget.chmod(0o755)
    waiting = subprocess.Popen([word.replace("9883", str(running.admin)) for word in command],
                               env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"})
    wait_until(lambda: (tmp_path / "asked").exists() and
               (tmp_path / "asked").read_text().count("asked") > 1, "it to ask twice")
    assert waiting.poll() is None
    running.process.send_signal(signal.SIGTERM)
    running.process.wait(DEADLINE)
    assert waiting.wait(DEADLINE) == 0


def test_the_rotation_job_makes_old_next_current_of_the_keys(tmp_path):
    job = one("ticket-keys", "CronJob")["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"][0]
    role = one("ticket-keys", "Role")["rules"][0]
    assert role["resourceNames"] == ["postern-tickets"] and set(role["verbs"]) == {"get", "patch"}
    secret = tmp_path / "secret"
    kubectl = tmp_path / "kubectl"
    kubectl.write_text(f"""#!/bin/sh
case "$*" in
    "get secret postern-tickets -o jsonpath={{.data.tickets\\.key}}") base64 <{secret} | tr -d '\\n' ;;
    "patch secret postern-tickets --type merge --patch-file /dev/stdin")
        python3 -c 'import base64, json, sys
sys.stdout.buffer.write(base64.b64decode(json.load(sys.stdin)["data"]["tickets.key"]))' >{secret} ;;
    *) echo "kubectl: $*" >&2; exit 2 ;;
esac
""")
    kubectl.chmod(0o755)
    secret.write_text("".join(base64.b64encode(bytes([n]) * 48).decode() + "\n" for n in (1, 2, 3)))
    old, following, current = secret.read_text().split()
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    subprocess.run(job["command"], env=environment, check=True)
    first, fresh, last = secret.read_text().split()
    assert (first, last) == (current, following)
    assert len(base64.b64decode(fresh, validate=True)) == 48 and fresh not in (old, following, current)
    secret.write_text("one key\n")
    done = subprocess.run(job["command"], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1 and "not three keys" in done.stderr and secret.read_text() == "one key\n"
