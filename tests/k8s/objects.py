"""How the tests walk through rendered objects."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tests.k8s.render import Object

WORKLOADS = ("Deployment", "StatefulSet", "DaemonSet", "Job", "CronJob")


@dataclass(frozen=True)
class System:
    """All that one rendering made."""

    name: str
    objects: tuple[Object, ...]

    def of(self, *kinds: str) -> list[Object]:
        return [each for each in self.objects if each["kind"] in kinds]

    @property
    def workloads(self) -> list[Object]:
        return self.of(*WORKLOADS)

    @property
    def deployments(self) -> list[Object]:
        return self.of("Deployment")

    def named(self, kind: str, name: str) -> Object:
        (found,) = [each for each in self.of(kind) if name_of(each) == name]
        return found

    def has(self, kind: str, name: str) -> bool:
        return any(name_of(each) == name for each in self.of(kind))


def name_of(thing: Object) -> str:
    return str(thing["metadata"]["name"])


def template(workload: Object) -> Object:
    spec = workload["spec"]
    return dict((spec["jobTemplate"]["spec"] if workload["kind"] == "CronJob" else spec)["template"])


def pod(workload: Object) -> Object:
    return dict(template(workload)["spec"])


def labels(workload: Object) -> Mapping[str, str]:
    return dict(template(workload)["metadata"]["labels"])


def component(thing: Object) -> str:
    """What kind of process it belongs to: grpc-service, edge, pages or database."""
    return str(thing["metadata"]["labels"]["app.kubernetes.io/component"])


def containers(workload: Object) -> Iterator[Object]:
    """Every container, those that run first too."""
    spec = pod(workload)
    yield from spec.get("initContainers", [])
    yield from spec["containers"]


def main(workload: Object) -> Object:
    return dict(pod(workload)["containers"][0])


def selects(selector: Mapping[str, Any], found: Mapping[str, str]) -> bool:
    excluding = selector.get("matchExpressions", [])
    assert set(selector) <= {"matchLabels", "matchExpressions"}
    assert all(each["operator"] == "NotIn" for each in excluding), "teach `selects` the rest before using it"
    wanted = selector.get("matchLabels", {})
    return all(found.get(key) == value for key, value in wanted.items()) and not any(
        found.get(each["key"]) in each["values"] for each in excluding
    )


def chosen(selector: Mapping[str, Any], workloads: Iterable[Object]) -> list[str]:
    return [name_of(each) for each in workloads if selects(selector, labels(each))]


def environment(container: Object, system: System) -> dict[str, str | None]:
    """What the container finds; None where a Secret says it."""
    found: dict[str, str | None] = {}
    for source in container.get("envFrom", []):
        found |= system.named("ConfigMap", source["configMapRef"]["name"])["data"]
    for each in container.get("env", []):
        found[each["name"]] = each.get("value")
    return found
