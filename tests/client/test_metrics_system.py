"""`qmcp metrics` and the client's calls of metrics against the real system."""

import time
from collections.abc import Callable
from typing import Any

import pytest
from qmcp.client import Client, Price, QmcpError
from qmcp.client.metrics.models import Metric

from tests.client.command import Ended, qmcp
from tests.stack import Stack

Command = Callable[..., Ended]


@pytest.fixture
def command(stack: Stack) -> Command:
    def run(*words: str, **options: Any) -> Ended:
        return qmcp("metrics", *words, env={**stack.env, "QMCP_URL": stack.edge_url}, **options)

    return run


def test_an_event_is_sent_and_one_that_breaks_a_rule_ends_with_1(command: Command) -> None:
    sent = command("send", "7", "--name", "queue", "-d", "shard=1", "--at", "1m")
    assert (sent.code, sent.err) == (0, "")
    assert sent.out.startswith("Taken under req_")
    rejected = command("send", "1e13", "--json")
    assert rejected.code == 1
    assert rejected.json["rejected"] == 1


def test_batches_are_streamed_and_one_that_comes_again_counts_once(stack: Stack) -> None:
    name = f"streamed-{time.time_ns()}"
    batches = [[Metric(type="custom", value=value, dimensions={"metric_name": name})] * 3 for value in (1.0, 1e13, 2.0)]
    with Client(stack.edge_url) as client:
        for _ in range(2):
            ended = client.stream_metrics("tests", (batch for batch in batches), key=name)
            assert (ended.batches, ended.accepted, ended.rejected) == (3, 6, 3)
        assert {each.batch for each in ended.rejections} == {1}
        [found] = client.query_metrics(dimensions={"metric_name": name})
        assert (found.points[0].count, found.points[0].sum) == (6, 9)
        with pytest.raises(QmcpError) as failed:
            client.stream_metrics("no good", batches)
        assert failed.value.metadata["batches"] == "0"


def test_what_tokens_cost_is_shown_by_dimensions(stack: Stack, command: Command) -> None:
    model = f"m-{time.time_ns()}"
    with Client(stack.edge_url) as client:
        table = client.create_price_table([Price(model=model, token_type="input", usd_per_million=2.0)])
        assert client.list_price_tables(1) == [table]
    tokens = ("--name", "gen_ai.client.token.usage", "-d", "gen_ai.token.type=input")
    for used, by, task in (("500000", model, "t-1"), ("9", f"{model}-other", "t-2")):
        named = ("-d", f"gen_ai.request.model={by}", "-d", f"task.path={model}/e/{task}")
        assert command("send", used, *tokens, *named).code == 0
    found = {
        each["group"]["gen_ai.request.model"]: each
        for each in command("costs", "--by", "gen_ai.request.model", "--json").json
    }
    assert (found[model]["usd"], found[model]["unpriced_tokens"]) == (1.0, 0)
    assert (found[f"{model}-other"]["usd"], found[f"{model}-other"]["unpriced_tokens"]) == (0, 9)
    shown = command("costs", "--by", "gen_ai.request.model").out
    assert model in shown
    assert "1.0000" in shown
    shown = command("costs", "--path", "task.path", "--beneath", f"{model}/e", "--json").json
    assert {each["group"]["task.path"]: (each["usd"], each["unpriced_tokens"]) for each in shown} == {
        f"{model}/e": (1.0, 9),
        f"{model}/e/t-1": (1.0, 0),
        f"{model}/e/t-2": (0, 9),
    }


def test_what_was_measured_is_asked_about_and_watched(command: Command) -> None:
    name = f"asked-{time.time_ns()}"
    for value in range(1, 5):
        assert command("send", str(value), "--name", name, "-d", f"shard={value % 2}").code == 0
    asked = ("-d", f"metric_name={name}", "--by", "shard", "-q", "0.5")
    found = {each["group"]["shard"]: each["points"][0] for each in command("query", *asked, "--json").json}
    assert {shard: (point["count"], point["sum"]) for shard, point in found.items()} == {"0": (2, 6), "1": (2, 4)}
    assert found["0"]["quantiles"][0]["value"] == pytest.approx(2, rel=0.01)
    shown = command("query", *asked)
    assert (shown.code, shown.err) == (0, "")
    assert "p50" in shown.out
    watched = command("watch", *asked, "--every", "0.1", "--times", "2")
    assert watched.code == 0
    assert watched.out.count("p50") == 2
