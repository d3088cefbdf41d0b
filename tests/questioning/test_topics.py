"""Free context without a goal: sensible questions, and none about what the context says."""

import pytest

from services.questioning.engines.topics import Topics, topic_of, topics
from services.questioning.models import Known


def asked(context: str) -> set[str]:
    return {each.id for each in Topics(context).advance({}).candidates}


def test_a_context_that_says_nothing_is_asked_about_everything_in_a_fixed_order() -> None:
    progress = Topics("I want to migrate the billing system to Kubernetes.").advance({})
    assert [each.id for each in progress.candidates] == [topic.id for topic in topics()]
    assert all("migrate the billing system to Kubernetes" in each.text for each in progress.candidates)
    assert all(each.importance and each.information for each in progress.candidates)


@pytest.mark.parametrize(
    ("context", "told"),
    [
        ("It is due by 31 March.", {"timeline"}),
        ("We have a budget of 50,000 euro and a team of five.", {"resources"}),
        ("Our goal is fewer outages. Success is measured by hours of downtime.", {"goals", "measures"}),
        ("The main risk is the old database. It must run on premises.", {"risks", "constraints"}),
        ("It is approved by the board within 3 weeks.", {"stakeholders", "timeline"}),
    ],
)
def test_what_the_context_says_is_not_asked(context: str, told: set[str]) -> None:
    assert {topic.id for topic in topics()} - asked(context) == told


@pytest.mark.parametrize(
    "context",
    [
        "There is no deadline and no budget.",
        "What is the budget?",
        "The goal is unclear.",
        "Budget, team, risk, goal, deadline.",
        "",
        "?" * 100_000,
    ],
)
def test_words_in_common_are_no_answer(context: str) -> None:
    assert asked(context) == {topic.id for topic in topics()}


def test_answers_cover_it_and_what_nobody_says_is_missing() -> None:
    engine = Topics("")
    answers = {topic.id: Known("given", "so") for topic in topics()} | {"risks": engine.read("risks", "no idea", {})}
    done = engine.advance(answers)
    assert done.stopped == "covered"
    assert done.missing == ["risks"]
    assert done.result["goals"] == {"value": "so", "source": "answer"}


def test_a_topic_is_what_somebody_wants_else_what_is_named_first() -> None:
    assert topic_of("Please help me to plan a summer party for 40 people.") == "summer party for 40 people"
    assert topic_of("Invoice approval workflow") == "Invoice approval workflow"
    assert topic_of("the of") == "this"
