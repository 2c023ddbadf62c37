"""The Helm chart: linted, rendered, its manifests against the schemas of the Kubernetes API."""

import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from kubernetes_validate.utils import validate

from tests.deploy.rules import RULES
from tests.deploy.tools import DEPLOY, path_of
from transformer import app
from transformer.config import load

CHART: Final = DEPLOY / "helm" / "transformer"
EXAMPLE: Final = DEPLOY / "helm" / "example-values.yaml"
KUBERNETES: Final = "1.33.0"
THEIR_OWN: Final = {"ScaledObject", "ServiceMonitor", "PrometheusRule"}
"""Kinds of operators, for which there is no schema here."""

pytestmark = pytest.mark.helm
Manifest = dict[str, Any]


def helm(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """One run of helm."""
    return subprocess.run(  # noqa: S603 - our own arguments
        [path_of("helm"), *arguments], capture_output=True, text=True, check=False, timeout=60
    )


@cache
def rendered(*settings: str) -> list[Manifest]:
    """The manifests of the example values, with `settings` on top."""
    done = helm(
        "template", "demo", CHART, "-f", EXAMPLE, "--kube-version", KUBERNETES,
        *(part for setting in settings for part in ("--set", setting)),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return [manifest for manifest in yaml.safe_load_all(done.stdout) if manifest]


def of_kind(kind: str, *settings: str) -> dict[str, Manifest]:
    """The manifests of one kind, by name."""
    found = [one for one in rendered(*settings) if one["kind"] == kind]
    return {one["metadata"]["name"]: one for one in found}


def pods() -> Iterator[Manifest]:
    """The pod template of everything that runs."""
    for kind in ("Deployment", "Job"):
        for manifest in of_kind(kind).values():
            yield manifest["spec"]["template"]


def test_helm_finds_nothing_to_say() -> None:
    """Strict: a warning fails."""
    done = helm("lint", CHART, "-f", EXAMPLE, "--strict", "--kube-version", KUBERNETES)
    assert done.returncode == 0, done.stdout


def test_every_manifest_is_one_that_kubernetes_takes() -> None:
    """No unknown field, nothing of the wrong type."""
    for manifest in rendered():
        if manifest["kind"] not in THEIR_OWN:
            validate(manifest, "1.33", strict=True)


def test_each_connection_has_a_deployment_with_its_own_configuration(tmp_path: Path) -> None:
    """The program itself loads what the chart renders; a secret is a reference, never a value."""
    deployments = of_kind("Deployment")
    assert set(deployments) == {
        "demo-worker-salesforce",
        "demo-worker-salesforce-eu",
        "demo-ledger",
    }
    for name, connections in (
        ("demo-worker-salesforce", ["salesforce"]),
        ("demo-worker-salesforce-eu", ["salesforce-eu"]),
        ("demo-ledger", ["salesforce", "salesforce-eu"]),
    ):
        text = of_kind("ConfigMap")[name]["data"]["transformer.yaml"]
        file = tmp_path / f"{name}.yaml"
        file.write_text(text)
        secrets = {"KAFKA_PASSWORD": "a", "CLIENT_ID": "b", "CLIENT_SECRET": "c"}
        config = load(file, app.kind, secrets)
        assert [one.name for one in config.connections] == connections
        assert (config.http.host, config.http.port) == ("0.0.0.0", 9400)  # noqa: S104 - in a pod
        container = deployments[name]["spec"]["template"]["spec"]["containers"][0]
        assert container["args"][:3] in (
            ["worker", "--config", "/etc/transformer/transformer.yaml"],
            ["ledger", "--config", "/etc/transformer/transformer.yaml"],
        )
        for variable in container["env"]:
            assert set(variable) == {"name", "valueFrom"}
            assert "secretKeyRef" in variable["valueFrom"]
            assert f"${{{variable['name']}}}" in text


def test_pods_may_do_nothing_that_they_need_not() -> None:
    """Not root, read-only, no capabilities, no token, bounded memory."""
    for pod in pods():
        spec = pod["spec"]
        (container,) = spec["containers"]
        assert spec["automountServiceAccountToken"] is False
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert {"cpu", "memory"} <= set(container["resources"]["requests"])
        assert "memory" in container["resources"]["limits"]


def test_processes_are_probed_spread_and_drained() -> None:
    """The grace period is longer than the drain."""
    for manifest in of_kind("Deployment").values():
        spec = manifest["spec"]["template"]["spec"]
        (container,) = spec["containers"]
        paths = {
            probe: container[probe]["httpGet"]["path"]
            for probe in ("startupProbe", "livenessProbe", "readinessProbe")
        }
        assert paths == {
            "startupProbe": "/healthz", "livenessProbe": "/healthz", "readinessProbe": "/readyz",
        }  # fmt: skip
        keys = [one["topologyKey"] for one in spec["topologySpreadConstraints"]]
        assert keys == ["topology.kubernetes.io/zone", "kubernetes.io/hostname"]
        assert spec["terminationGracePeriodSeconds"] > 30
        labels = manifest["spec"]["template"]["metadata"]["labels"]
        assert manifest["spec"]["selector"]["matchLabels"].items() <= labels.items()


def test_selectors_find_what_they_are_for() -> None:
    """Disruption budgets, services and the network policy name labels that pods have."""
    labels = [m["spec"]["template"]["metadata"]["labels"] for m in of_kind("Deployment").values()]

    def found(selector: dict[str, str]) -> int:
        return sum(selector.items() <= one.items() for one in labels)

    budgets = of_kind("PodDisruptionBudget").values()
    assert [found(b["spec"]["selector"]["matchLabels"]) for b in budgets] == [1, 1]
    services = of_kind("Service")
    assert found(services["demo-worker"]["spec"]["selector"]) == 2
    assert found(services["demo-ledger"]["spec"]["selector"]) == 1
    policy = of_kind("NetworkPolicy")["demo"]["spec"]
    assert found(policy["podSelector"]["matchLabels"]) == 3
    ports = {port["port"] for rule in policy["egress"] for port in rule["ports"]}
    assert ports == {53, 443, 9093}


def test_keda_scales_each_worker_on_its_own_lag() -> None:
    """Its consumer group, its topics; and the Deployment leaves the count to it."""
    scaled = of_kind("ScaledObject")["demo-worker-salesforce-eu"]["spec"]
    assert scaled["scaleTargetRef"] == {"name": "demo-worker-salesforce-eu"}
    (trigger,) = scaled["triggers"]
    assert trigger["metadata"]["consumerGroup"] == "transformer-salesforce-eu"
    assert trigger["metadata"]["topic"] == "events-eu"
    assert trigger["authenticationRef"] == {"name": "kafka"}
    assert "replicas" not in of_kind("Deployment")["demo-worker-salesforce-eu"]["spec"]
    fixed = of_kind("Deployment", "keda.enabled=false")
    assert fixed["demo-worker-salesforce-eu"]["spec"]["replicas"] == 2
    assert fixed["demo-worker-salesforce"]["spec"]["replicas"] == 1
    none = of_kind("Deployment", "keda.enabled=false", "connections[1].replicas=0")
    assert none["demo-worker-salesforce-eu"]["spec"]["replicas"] == 0


def workers(*settings: str) -> dict[str, tuple[int, int]]:
    """Each connection's `workers`, and the most replicas that its Deployment can have."""
    deployments, scaled = of_kind("Deployment", *settings), of_kind("ScaledObject", *settings)
    found = {}
    for name in ("salesforce", "salesforce-eu"):
        full = f"demo-worker-{name}"
        text = of_kind("ConfigMap", *settings)[full]["data"]["transformer.yaml"]
        (connection,) = yaml.safe_load(text)["connections"]
        most = (
            scaled[full]["spec"]["maxReplicaCount"]
            if scaled
            else deployments[full]["spec"]["replicas"]
        )
        found[name] = (connection["workers"], most)
    return found


def test_workers_are_told_how_many_share_the_account() -> None:
    """The most replicas there can be; unless somebody said, who knows of more on that account."""
    assert workers() == {"salesforce": (6, 6), "salesforce-eu": (6, 6)}
    of_its_own = workers("connections[1].maxReplicas=3", "keda.minReplicas=4")
    assert of_its_own == {"salesforce": (6, 6), "salesforce-eu": (3, 3)}
    fixed = workers("keda.enabled=false")
    assert fixed == {"salesforce": (1, 1), "salesforce-eu": (2, 2)}
    none = workers("keda.enabled=false", "connections[1].replicas=0")
    assert none["salesforce-eu"] == (1, 0)
    said = workers("keda.enabled=false", "connections[1].config.workers=4")
    assert said["salesforce-eu"] == (4, 2)


def test_the_rules_are_the_ones_that_are_tested() -> None:
    """The PrometheusRule holds deploy/prometheus/rules.yaml, and the jobs are named as they say."""
    assert of_kind("PrometheusRule")["demo"]["spec"] == yaml.safe_load(RULES.read_text())
    jobs = {
        name: monitor["spec"]["endpoints"][0]["relabelings"][0]["replacement"]
        for name, monitor in of_kind("ServiceMonitor").items()
    }
    assert jobs == {"demo-worker": "transformer", "demo-ledger": "transformer-ledger"}


def test_the_topics_job_comes_first_and_knows_every_topic() -> None:
    """A hook before install and upgrade."""
    job = of_kind("Job")["demo-topics"]
    assert job["metadata"]["annotations"]["helm.sh/hook"] == "pre-install,pre-upgrade"
    (container,) = job["spec"]["template"]["spec"]["containers"]
    known = {one["name"]: one["value"] for one in container["env"]}
    assert known["SOURCE_TOPICS"] == "events events-eu"
    assert known["BOOTSTRAP_SERVERS"] == "kafka-0.kafka:9093,kafka-1.kafka:9093"
    script = of_kind("ConfigMap")["demo-topics"]["data"]["topics.sh"]
    assert script.strip() == (DEPLOY / "topics.sh").read_text().strip()


@pytest.mark.parametrize(
    ("setting", "complaint"),
    [
        ("kafka.bootstrap_servers=null", "bootstrap_servers"),
        ("connections=null", "connections"),
        ("conections[0].config.name=x", "conections"),
        ("connections[0].config.name=Sales_Force", "pattern"),
        ("connections[0].env[0].value=secret", "value"),
    ],
)
def test_wrong_values_are_refused(setting: str, complaint: str) -> None:
    """Before anything is rendered; a secret's value above all."""
    done = helm(
        "template", "demo", CHART, "-f", EXAMPLE, "--set", setting, "--kube-version", KUBERNETES
    )
    assert done.returncode != 0
    assert complaint in done.stderr
