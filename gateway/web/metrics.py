"""The figures of the whole system: every replica's Prometheus page, read and added up."""

import asyncio
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.utils import floatToGoString

from gateway.web.replicas import replicas

# Sums of these over processes say something; of others (start times, memory, versions) they do not.
ADDABLE = ("counter", "histogram")
HTTP_REQUESTS = "qmcp_http_requests_total"
# As Envoy shows what gateway/policies.yaml has it count.
EDGE_SERIES = "envoy_qmcp_http_requests{"
Labels = tuple[tuple[str, str], ...]


@dataclass
class Family:
    """One metric: what it is, and its samples by name and labels."""

    kind: str
    help: str
    samples: dict[tuple[str, Labels], float] = field(default_factory=dict)


Families = dict[str, Family]


async def collect(services: Mapping[str, str], edge: str, own: CollectorRegistry, seconds: float) -> Families:
    """Reads every replica behind every `host:port`; `qmcp_service_up` is 0 for one that did not answer in time.

    Args:
        services: `host:port` of each service's page.
        edge: that of Envoy's own figures; empty where there are none.
        own: what was counted here.
        seconds: how long each may take.
    """
    places = [(name, address) for name, address in services.items()]
    targets = await asyncio.gather(*(replicas(address) for _, address in places))
    asked = [
        (name, each) for (name, address), found in zip(places, targets, strict=True) for each in found or [address]
    ]
    async with httpx.AsyncClient(timeout=seconds) as client:
        envoys = (await replicas(edge) or [edge]) if edge else []
        found = await asyncio.gather(
            *(_page(client, target, seconds) for target in (*(each for _, each in asked), *envoys))
        )
    families: Families = {"qmcp_service_up": Family("gauge", "Whether the replica's figures could be read.")}
    for (service, replica), page in zip(asked, found, strict=False):
        up: Labels = (("replica", replica), ("service", service))
        families["qmcp_service_up"].samples["qmcp_service_up", up] = float(page is not None)
        _add(families, page or "", replica)
    _add(families, generate_latest(own).decode(), "")
    for page in found[len(asked) :]:
        _add(families, _of_edge(page or ""), "")
    return families


def _of_edge(page: str) -> str:
    """What the edge answered itself, out of Envoy's figures, under the name that it has among those of services."""
    lines = (line.removeprefix(EDGE_SERIES) for line in page.splitlines() if line.startswith(EDGE_SERIES))
    # What could not be read as a request has no method.
    told = (line.replace('method=""', 'method="other"') for line in lines)
    return "".join([f"# TYPE {HTTP_REQUESTS} counter\n", *(f"{HTTP_REQUESTS}{{{line}\n" for line in told)])


async def _page(client: httpx.AsyncClient, target: str, seconds: float) -> str | None:
    try:
        # The limit of httpx is for each read; a page that trickles must end too.
        async with asyncio.timeout(seconds):
            answer = await client.get(f"http://{target}/metrics")
            answer.raise_for_status()
    except (httpx.HTTPError, TimeoutError):
        return None
    return answer.text


def _add(families: Families, page: str, replica: str) -> None:
    for metric in text_string_to_metric_families(page):
        name = f"{metric.name}_total" if metric.type == "counter" else metric.name
        if name.endswith("_created"):
            continue
        family = families.setdefault(name, Family(metric.type, metric.documentation))
        for sample in metric.samples:
            if sample.name.endswith("_created"):
                continue
            labels = dict(sample.labels)
            if metric.type not in ADDABLE:
                labels.setdefault("replica", replica)
            key = (sample.name, tuple(sorted(labels.items())))
            family.samples[key] = family.samples.get(key, 0.0) + sample.value


def as_text(families: Families) -> str:
    """Prometheus's text format 0.0.4."""
    return "".join(_lines(families))


def _lines(families: Families) -> Iterable[str]:
    for name, family in sorted(families.items()):
        kind = "untyped" if family.kind == "unknown" else family.kind
        yield f"# HELP {name} {_escaped(family.help)}\n# TYPE {name} {kind}\n"
        for (sample, labels), value in family.samples.items():
            yield f"{_series(sample, labels)} {floatToGoString(value)}\n"  # type: ignore[no-untyped-call]


def as_json(families: Families) -> dict[str, Any]:
    """The original's form, `counters[name][labels]`: labels as Prometheus writes them, of histograms count and sum."""
    counters: dict[str, dict[str, float | None]] = {}
    gauges: dict[str, dict[str, float | None]] = {}
    histograms: dict[str, dict[str, dict[str, float | None]]] = {}
    for name, family in sorted(families.items()):
        for (sample, labels), measured in family.samples.items():
            # JSON has no word for "not a number".
            value = measured if math.isfinite(measured) else None
            if family.kind == "histogram":
                part = sample.removeprefix(name)
                if part in ("_count", "_sum"):
                    histograms.setdefault(name, {}).setdefault(_inside(labels), {})[part[1:]] = value
            else:
                kept = counters if family.kind == "counter" else gauges
                kept.setdefault(sample, {})[_inside(labels)] = value
    return {"counters": counters, "gauges": gauges, "histograms": histograms}


def _series(name: str, labels: Labels) -> str:
    return f"{name}{{{_inside(labels)}}}" if labels else name


def _inside(labels: Labels) -> str:
    """`status="success",tool="echo"`, in order of the names; empty where there are none."""
    return ",".join(f'{key}="{_escaped(value, quotes=True)}"' for key, value in labels)


def _escaped(text: str, *, quotes: bool = False) -> str:
    text = text.replace("\\", r"\\").replace("\n", r"\n")
    return text.replace('"', r"\"") if quotes else text
