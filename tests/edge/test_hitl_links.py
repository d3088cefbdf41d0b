"""Action links and webhooks through the edge: a person without an account answers once, and the token shows nowhere."""

import asyncio
import uuid

import asyncpg
import httpx
import pytest


@pytest.fixture
def admin(guarded):
    key = {"x-api-key": guarded.admin_key}
    with httpx.Client(base_url=guarded.edge_url, timeout=60, headers=key) as client:
        yield client


@pytest.fixture
def anybody(guarded):
    """Somebody without a key."""
    with httpx.Client(base_url=guarded.edge_url, timeout=60) as client:
        yield client


@pytest.fixture
def name(admin):
    name = f"link-{uuid.uuid4()}"
    body = {"id": name, "request_type": "approval", "prompt": "Lunch & <b>tea</b>?", "options": ["yes", "no"]}
    admin.post("/v1/human/requests", json=body).raise_for_status()
    return name


@pytest.fixture
def path(admin, name):
    made = admin.post(f"/v1/human/requests/{name}/links", json={"person": "alice@example.com"})
    assert made.status_code in (200, 201), made.text
    return made.json()["path"]


def decided(admin, name):
    return admin.get(f"/v1/human/requests/{name}").json()["response"]


def test_opening_a_link_shows_a_page_and_decides_nothing(admin, anybody, name, path):
    for _ in range(3):
        page = anybody.get(path)
        assert (page.status_code, page.headers["content-type"].partition(";")[0]) == (200, "text/html")
    assert "Lunch" in page.text
    assert "<b>tea</b>" not in page.text, "what agents write is text"
    assert page.headers["x-content-type-options"] == "nosniff"
    assert anybody.head(path).status_code in (200, 404)
    assert decided(admin, name) is None


def test_the_form_of_a_link_answers_once_in_the_name_of_its_person(admin, anybody, name, path):
    sent = anybody.post(path, data={"response": "yes", "comment": "Gladly, 100% & more."})
    assert sent.status_code in (200, 201), sent.text
    response = decided(admin, name)
    assert (response["response"], response["responded_by"]) == ("yes", "alice@example.com")
    assert (response["comment"], response["via"]) == ("Gladly, 100% & more.", "link")
    again = anybody.post(path, data={"response": "no"})
    assert again.status_code in (404, 409, 410)
    assert decided(admin, name)["response"] == "yes"


def test_a_link_takes_json_and_refuses_what_is_no_option(admin, anybody, name, path):
    assert anybody.post(path, json={"response": "perhaps"}).status_code == 400
    assert decided(admin, name) is None
    assert anybody.post(path, json={"response": "no"}).status_code in (200, 201)
    assert decided(admin, name)["response"] == "no"


def test_a_link_that_is_none_is_404_with_or_without_a_key(admin, anybody, path):
    other = path[:-8] + ("AAAAAAAA" if not path.endswith("AAAAAAAA") else "BBBBBBBB")
    for client in (admin, anybody):
        assert client.get(other).status_code == 404
        assert client.post(other, data={"response": "yes"}).status_code == 404
    assert anybody.get("/v1/human/links/short").status_code in (400, 404)


async def everything(url):
    connection = await asyncpg.connect(url)
    try:
        tables = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = current_schema()")
        rows = [await connection.fetch(f'SELECT t::text FROM "{each["tablename"]}" t') for each in tables]
        return "\n".join(row[0] for found in rows for row in found)
    finally:
        await connection.close()


def test_a_token_is_in_no_log_and_no_table(guarded, admin, anybody, name, path):
    token = path.rpartition("/")[2]
    assert len(token) == 43
    anybody.get(path)
    anybody.get(f"{path}?from=mail", headers={"Referer": "https://mail.example.com/"})
    anybody.get(f"{path}/")
    anybody.post(path, content="response=yes", headers={"Content-Type": "text/plain"})
    anybody.post(path, data={"response": "yes"})
    anybody.post(path, data={"response": "yes"})
    metrics = anybody.get("/metrics").text
    dumped = asyncio.run(everything(guarded.database_url("hitl")))
    assert name in dumped
    assert "/v1/human/links/{token}" in guarded.output()
    for place in (guarded.output(), metrics, dumped, admin.get("/v1/denials").text):
        assert token not in place


def test_who_unsubscribes_needs_no_key_and_a_token_that_is_none_of_ours_is_404(anybody):
    # As the page sends it, and as mail programs do.
    for form in (b"", b"List-Unsubscribe=One-Click"):
        sent = anybody.post(
            "/v1/human/unsubscribe/none-of-ours",
            content=form,
            headers={"Content-Type": "application/x-www-form-urlencoded"},
        )
        assert sent.status_code == 404
    assert anybody.get("/v1/human/unsubscribe/none-of-ours").status_code == 404
    mail = {"kind": "email", "address": "ada@example.com", "person": "ada"}
    assert anybody.post("/v1/human/contacts", json=mail).status_code == 401


def test_a_webhook_is_registered_with_201_and_its_secret_shows_once(guarded, admin, anybody):
    hook = {"url": "https://hooks.example.com/qmcp", "kinds": ["created"], "paused": True}
    assert anybody.post("/v1/human/webhooks", json=hook).status_code == 401
    made = admin.post("/v1/human/webhooks", json=hook)
    assert made.status_code == 201, made.text
    webhook = made.json()
    assert webhook["secret"].startswith("whsec_")
    assert not admin.get(f"/v1/human/webhooks/{webhook['id']}").json().get("secret")
    refused = admin.post("/v1/human/webhooks", json={"url": "http://169.254.169.254/"})
    assert (refused.status_code, refused.json()["details"][0]["reason"]) == (400, "ADDRESS_NOT_ALLOWED")
    stale = admin.put(f"/v1/human/webhooks/{webhook['id']}", json={"url": hook["url"], "etag": "stale"})
    assert stale.status_code == 409
    assert admin.get("/v1/human/deliveries", params={"webhook_id": webhook["id"]}).json()["deliveries"] == []
    assert admin.delete(f"/v1/human/webhooks/{webhook['id']}").status_code == 200
    assert admin.get(f"/v1/human/webhooks/{webhook['id']}").status_code == 404
    dumped = asyncio.run(everything(guarded.database_url("hitl")))
    assert webhook["secret"] not in dumped
    assert webhook["secret"] not in guarded.output()
