"""An interview over HTTP from its beginning to its end, in two parts: between them everything may be restarted."""

from dataclasses import dataclass
from typing import Any

import httpx

from tests.questioning.forms import FILLED, SAID, SUPPLIER

# What was filled in once before: two fields of the form, under another title.
EARLIER: dict[str, Any] = {
    "title": "First contact",
    "required": ["company", "country"],
    "properties": {name: SUPPLIER["properties"][name] for name in ("company", "country")},
}


@dataclass
class Half:
    """An interview that is half done."""

    earlier: str
    conversation: str
    # The questions that wait, as they were put.
    waiting: list[dict[str, Any]]


def answered(http: httpx.Client, conversation: str, *answers: dict[str, Any], count: int = 20) -> dict[str, Any]:
    body = {"answers": list(answers), "question_count": count}
    answer = http.post(f"/v1/conversations/{conversation}:answer", json=body)
    found: dict[str, Any] = answer.raise_for_status().json()
    return found


def said(http: httpx.Client, conversation: str) -> dict[str, dict[str, Any]]:
    """The answers that stand, by their questions."""
    messages = http.get(f"/v1/conversations/{conversation}/messages", params={"page_size": 500}).json()["messages"]
    answers = [each for each in messages if each["message_type"] == "answer" and each["state"] != "revised"]
    return {each["question_id"]: each for each in answers}


def begun(http: httpx.Client) -> Half:
    """One that has recalled what was answered before, had something confirmed, and some of the rest answered."""
    first = http.post("/v1/conversations", json={"user_id": "grace", "goal": {"schema": EARLIER}}).json()["id"]
    answered(http, first, *({"question_id": name, "answer": SAID[name]} for name in ("/company", "/country")))
    asked = {"user_id": "grace", "goal": {"schema": SUPPLIER, "recall": True}, "question_count": 20}
    batch = http.post("/v1/questions:generate", json=asked).raise_for_status().json()
    conversation, put = batch["conversation_id"], {each["id"]: each for each in batch["questions"]}
    # A whole question that was answered is not asked again, and says whence; one that is less certain is to be confirmed.
    assert "/company" not in put
    assert said(http, conversation)["/company"]["source"]["conversation_id"] == first
    assert batch["metadata"]["similar_contexts"][0]["conversation_id"] == first
    assert (put["/country"]["suggestion"], put["/country"]["source"]["conversation_id"]) == ("Germany", first)
    assert batch["metadata"]["tokens_used"] == 0
    step = answered(
        http,
        conversation,
        {"question_id": "/country", "answer": "yes"},
        *({"question_id": name, "answer": SAID[name]} for name in ("/kind", "/start", "/payment/by")),
    )
    assert said(http, conversation)["/country"]["state"] == "confirmed"
    # What was answered brings its own questions.
    assert {"/vat_id", "/tags", "/payment/iban"} <= {each["id"] for each in step["questions"]}
    return Half(first, conversation, step["questions"])


def ended(http: httpx.Client, half: Half) -> None:
    """Goes on where it was, fills the form, and revises it."""
    again = http.post("/v1/questions:generate", json={"conversation_id": half.conversation, "question_count": 20})
    assert again.json()["questions"] == half.waiting
    answers = [{"question_id": each["id"], "answer": SAID[each["id"]]} for each in half.waiting]
    done = answered(http, half.conversation, *answers)
    assert (done["questions"], done["conversation"]["stopped"]) == ([], "complete")
    assert done["conversation"]["result"] == FILLED
    # A form that is saved again with nothing in it takes nothing away, asks nothing again and is no answer.
    before = said(http, half.conversation)
    assert before.keys() == SAID.keys()
    kept = answered(http, half.conversation, *({"question_id": name, "answer": "  "} for name in SAID))
    assert (kept["questions"], kept["conversation"]["stopped"]) == ([], "complete")
    assert kept["conversation"]["result"] == FILLED
    assert said(http, half.conversation) == before
    change = {"answer": {"question_id": "/country", "answer": "United States"}, "question_count": 20}
    revised = http.post(f"/v1/conversations/{half.conversation}:revise", json=change).json()
    assert [each["id"] for each in revised["questions"]] == ["/state"]
    assert revised["conversation"]["not_applicable"] == ["/vat_id"]
    whole = answered(http, half.conversation, {"question_id": "/state", "answer": "TX"})["conversation"]
    assert whole["stopped"] == "complete"
    assert whole["result"] == {
        **{name: value for name, value in FILLED.items() if name != "vat_id"},
        "country": "United States",
        "state": "TX",
    }
    # Nothing but what was revised, and what that opened, was touched.
    after = said(http, half.conversation)
    assert {name for name in after if after[name] != before.get(name)} == {"/country", "/state"}
