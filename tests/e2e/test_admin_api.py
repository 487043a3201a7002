"""Administration through the running gateway: what is made, changed and ended counts for the very next request."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from penstock.api.admin_routes import ADMIN_ROUTES
from penstock.api.bodies import MOST_BYTES
from penstock.core.principal import Scope
from penstock.store.keys import hashed
from tests.e2e.doors import MESSAGES, PICTURE, PROMPT, data_url, refusal
from tests.e2e.running import RunningGateway

Fields = dict[str, Any]
_numbers = count(1)
_exact = msgspec.json.Decoder(float_hook=Decimal)


class Admin:
    """The administration endpoints, with a key that may use them."""

    def __init__(self, gateway: RunningGateway, key: str) -> None:
        self._client = httpx.Client(
            base_url=f"{gateway.url}/admin/api/", headers={"authorization": f"Bearer {key}"}, timeout=30
        )

    def ask(self, method: str, path: str, body: Fields | None = None, **query: str) -> httpx.Response:
        return self._client.request(method, path, json=body, params=query or None)

    def done(self, method: str, path: str, body: Fields | None = None, **query: str) -> Fields:
        """The answer of a request that succeeds, its numbers exact."""
        response = self.ask(method, path, body, **query)
        assert response.status_code == 200, response.text
        found: Fields = _exact.decode(response.content)
        return found

    def make(self, what: str, **fields: Any) -> Fields:
        return self.done("POST", what, fields)

    def listed(self, what: str, **query: str) -> list[Fields]:
        answer = self.done("GET", what, **query)
        assert answer["object"] == "list"
        rows: list[Fields] = answer["data"]
        return rows

    def ids(self, what: str, **query: str) -> list[str]:
        return [row["id"] for row in self.listed(what, **query)]

    def close(self) -> None:
        self._client.close()


@pytest.fixture(scope="module")
def admin(gateway: RunningGateway) -> Iterator[Admin]:
    opened = Admin(gateway, gateway.admin_key)
    yield opened
    opened.close()


def named(what: str) -> str:
    """A name nobody has yet."""
    return f"{what} {next(_numbers)}"


TALK: Fields = {"model": "sandbox/text", **MESSAGES}
PAID_TALK: Fields = {"model": "openai/gpt-4o-mini", **MESSAGES}
SQUARE: Fields = {**PROMPT, "size": "1024x1024"}
EDIT: Fields = {**SQUARE, "images": [{"image_url": data_url(PICTURE)}]}


def calls(gateway: RunningGateway, key: str, body: Fields = TALK, path: str = "chat/completions") -> httpx.Response:
    """A call with a key."""
    return httpx.post(f"{gateway.url}/v1/{path}", headers={"authorization": f"Bearer {key}"}, json=body, timeout=30)


def moment(text: str) -> datetime:
    assert text.endswith("Z")
    return datetime.fromisoformat(text)


# People.


def test_people_are_made_listed_found_renamed_and_archived(admin: Admin) -> None:
    organisation = admin.make("organisations", name=f"  {named('Lighthouse')} ")
    assert organisation["name"].startswith("Lighthouse") and organisation["archived_at"] is None
    assert abs(moment(organisation["created_at"]) - datetime.now(UTC)) < timedelta(minutes=1)
    assert organisation in admin.listed("organisations")
    for what in ("teams", "users"):
        member = admin.make(what, organisation=organisation["name"], name=named("blue"))
        assert member["organisation_id"] == organisation["id"]
        assert admin.listed(what, organisation=organisation["id"]) == [member]
        for which in (member["id"], member["name"]):
            assert admin.done("GET", f"{what}/{which}") == member
        renamed = admin.done("PATCH", f"{what}/{member['id']}", {"name": named("green")})
        assert renamed == {**member, "name": renamed["name"]} and renamed != member
        archived = admin.done("DELETE", f"{what}/{member['id']}")
        assert moment(archived["archived_at"]) and admin.done("DELETE", f"{what}/{member['id']}") == archived
        assert admin.listed(what, organisation=organisation["id"]) == []
        assert admin.listed(what, organisation=organisation["id"], archived="true") == [archived]
    renamed = admin.done("PATCH", f"organisations/{organisation['name']}", {"name": named("Tower")})
    assert admin.done("GET", f"organisations/{organisation['id']}") == renamed
    admin.done("DELETE", f"organisations/{organisation['id']}")
    assert organisation["id"] not in admin.ids("organisations")
    assert organisation["id"] in admin.ids("organisations", archived="true")


def test_keys_of_an_archived_team_are_refused_by_the_very_next_request(gateway: RunningGateway, admin: Admin) -> None:
    organisation = admin.make("organisations", name=named("Org"))
    team = admin.make("teams", organisation=organisation["id"], name=named("team"))
    made = admin.make("keys", name=named("of a team"), team=team["id"])
    assert (made["team_id"], made["organisation_id"]) == (team["id"], organisation["id"])
    assert calls(gateway, made["key"]).status_code == 200
    admin.done("DELETE", f"teams/{team['id']}")
    refused = calls(gateway, made["key"])
    assert (refused.status_code, "archived" in refusal(refused)[0]) == (401, True)


# Keys.


def test_a_key_is_told_once_and_never_again(gateway: RunningGateway, admin: Admin) -> None:
    response = admin.ask("POST", "keys", {"name": named("told once")})
    made = response.json()
    assert response.headers["cache-control"] == "no-store"
    assert made["key"].startswith("psk_") and made["scopes"] == ["inference", "read"] and made["budget"] is None
    assert calls(gateway, made["key"]).status_code == 200
    shown = admin.done("GET", f"keys/{made['hint']}")
    assert shown == {name: value for name, value in made.items() if name not in ("key", "budget")}
    everything = [admin.ask("GET", "keys", **query).text for query in ({}, {"revoked": "true"})]
    everything += [
        admin.ask(method, f"keys/{made['key']}", {"name": "x"}).text for method in ("GET", "PATCH", "DELETE")
    ]
    secret = made["key"].removeprefix("psk_")
    assert not any(secret in text or secret[6:-4] in text or hashed(made["key"]) in text for text in everything)


def test_what_a_key_may_do_is_changed_while_it_is_used(gateway: RunningGateway, admin: Admin) -> None:
    made = admin.make("keys", name=named("narrow"), addresses=["127.0.0.0/8"])
    path, key = f"keys/{made['id']}", made["key"]
    assert calls(gateway, key).status_code == 200
    admin.done("PATCH", path, {"addresses": ["192.0.2.7"]})
    assert calls(gateway, key).status_code == 403
    admin.done("PATCH", path, {"addresses": [], "scopes": ["read"]})
    assert calls(gateway, key).status_code == 403
    changed = admin.done("PATCH", path, {"scopes": ["inference"], "name": named("wide"), "expires_in_days": 1})
    assert timedelta(hours=23) < moment(changed["expires_at"]) - datetime.now(UTC) < timedelta(hours=25)
    assert calls(gateway, key).status_code == 200
    past = {"expires_at": "2020-01-01T01:00:00+01:00"}
    assert admin.done("PATCH", path, past)["expires_at"] == "2020-01-01T00:00:00Z"
    assert "expired" in refusal(calls(gateway, key))[0]
    assert admin.done("PATCH", path, {"expires_at": None}) == {**changed, "expires_at": None}
    assert calls(gateway, key).status_code == 200


def test_a_key_calls_the_models_and_providers_it_may(gateway: RunningGateway, admin: Admin) -> None:
    made = admin.make("keys", name=named("chooser"), models=["sandbox/*"])
    path, key = f"keys/{made['id']}", made["key"]
    assert [calls(gateway, key, body).status_code for body in (TALK, PAID_TALK)] == [200, 403]
    assert admin.done("PATCH", path, {"models": [], "providers": ["openai"]})["models"] == []
    assert [calls(gateway, key, body).status_code for body in (TALK, PAID_TALK)] == [403, 200]
    admin.done("PATCH", path, {"providers": []})
    assert [calls(gateway, key, body).status_code for body in (TALK, PAID_TALK)] == [200, 200]


def test_a_rotated_key_opens_with_both_secrets_until_the_overlap_ends(gateway: RunningGateway, admin: Admin) -> None:
    made = admin.make("keys", name=named("turning"))
    turned = admin.done("POST", f"keys/{made['id']}/rotate", {"overlap_seconds": 3600})
    assert (turned["id"], turned["name"]) == (made["id"], made["name"])
    assert timedelta(minutes=59) < moment(turned["previous_until"]) - datetime.now(UTC) <= timedelta(minutes=60)
    assert [calls(gateway, key).status_code for key in (made["key"], turned["key"])] == [200, 200]
    last = admin.ask("POST", f"keys/{made['id']}/rotate").json()
    statuses = [calls(gateway, key).status_code for key in (made["key"], turned["key"], last["key"])]
    assert statuses == [401, 401, 200]


def test_a_revoked_key_is_refused_by_the_very_next_request_and_stays_revoked(
    gateway: RunningGateway, admin: Admin
) -> None:
    made = admin.make("keys", name=named("short-lived"))
    assert calls(gateway, made["key"]).status_code == 200
    revoked = admin.done("DELETE", f"keys/{made['id']}")
    assert "was revoked" in refusal(calls(gateway, made["key"]))[0]
    assert admin.done("DELETE", f"keys/{made['id']}") == revoked
    assert made["id"] not in admin.ids("keys")
    assert made["id"] in admin.ids("keys", revoked="true")
    for method, path in (("PATCH", f"keys/{made['id']}"), ("POST", f"keys/{made['id']}/rotate")):
        refused = admin.ask(method, path, {})
        assert (refused.status_code, "revoked" in refusal(refused)[0]) == (400, True)


def test_keys_are_listed_by_whose_they_are(admin: Admin) -> None:
    organisation = admin.make("organisations", name=named("Org"))
    team = admin.make("teams", organisation=organisation["id"], name=named("team"))
    user = admin.make("users", organisation=organisation["id"], name=named("user"))
    of_team = admin.make("keys", name=named("k"), team=team["name"])["id"]
    of_user = admin.make("keys", name=named("k"), user=user["id"], team=team["id"])["id"]
    of_organisation = admin.make("keys", name=named("k"), organisation=organisation["name"])["id"]
    assert admin.ids("keys", organisation=organisation["name"]) == [of_team, of_user, of_organisation]
    assert admin.ids("keys", team=team["id"]) == [of_team, of_user]
    assert admin.ids("keys", team=team["id"], user=user["name"]) == [of_user]


def test_the_last_administrator_stays_one(tmp_path: Path) -> None:
    with RunningGateway(tmp_path) as gateway:
        admin = Admin(gateway, gateway.admin_key)
        me = next(row["id"] for row in admin.listed("keys") if "admin" in row["scopes"])
        expired = admin.make("keys", name="expired", scopes=["admin"])["id"]
        admin.done("PATCH", f"keys/{expired}", {"expires_at": "2020-01-01T00:00:00Z"})
        for method, body in (
            ("DELETE", None),
            ("PATCH", {"scopes": ["inference", "read"]}),
            ("PATCH", {"expires_at": "2020-01-01T00:00:00Z"}),
        ):
            refused = admin.ask(method, f"keys/{me}", body)
            assert (refused.status_code, refusal(refused)[1]["code"]) == (400, "last_administrator")
            assert admin.done("GET", f"keys/{me}")["scopes"] == ["admin"]
        second = admin.make("keys", name="second", scopes=["admin"])
        assert moment(admin.done("DELETE", f"keys/{me}")["revoked_at"]), "a key may revoke itself"
        assert admin.ask("GET", "keys").status_code == 401
        admin.close()
        other = Admin(gateway, second["key"])
        assert me not in other.ids("keys")
        other.close()


# Money.


def test_a_key_made_here_calls_and_its_budgets_show_what_it_spent(gateway: RunningGateway, admin: Admin) -> None:
    organisation = admin.make("organisations", name=named("Org"))
    team = admin.make("teams", organisation=organisation["id"], name=named("team"))
    above = admin.make("budgets", level="team", holder=team["name"], amount_usd=5, period="month", hard=False)
    made = admin.make("keys", name=named("spender"), team=team["id"], budget={"amount_usd": "1.00"})
    its = made["budget"]
    assert (its["level"], its["holder_id"], its["period"], its["hard"]) == ("key", made["id"], "total", True)
    assert (its["amount_usd"], its["spent_usd"], its["left_usd"], its["resets_at"]) == (1, 0, 1, None)
    assert moment(above["period_start"]).day == moment(above["resets_at"]).day == 1
    answers = [
        calls(gateway, made["key"], PAID_TALK),
        calls(gateway, made["key"], SQUARE, "images/generations"),
        calls(gateway, made["key"], EDIT, "images/edits"),
    ]
    assert [answer.status_code for answer in answers] == [200, 200, 200], [answer.text[:300] for answer in answers]
    costs = [Decimal(answer.headers["x-penstock-cost"]) for answer in answers]
    assert all(costs)
    for budget, amount in ((its, 1), (above, 5)):
        now = admin.done("GET", f"budgets/{budget['id']}")
        assert (now["spent_usd"], now["reserved_usd"], now["uncertain_usd"]) == (sum(costs), 0, 0)
        assert now["left_usd"] == amount - sum(costs)


def test_a_budget_is_changed_and_ended_for_the_very_next_request(gateway: RunningGateway, admin: Admin) -> None:
    made = admin.make("keys", name=named("poor"), budget={"amount_usd": 0.01})
    path = f"budgets/{made['budget']['id']}"
    refused = calls(gateway, made["key"], SQUARE, "images/generations")
    assert (refused.status_code, refusal(refused)[1]["code"]) == (429, "budget_exceeded")
    changed = admin.done("PATCH", path, {"amount_usd": "0.05"})
    assert changed == {**made["budget"], "amount_usd": Decimal("0.05"), "left_usd": Decimal("0.05")}
    assert calls(gateway, made["key"], SQUARE, "images/generations").status_code == 200
    assert calls(gateway, made["key"], SQUARE, "images/generations").status_code == 429
    soft = admin.done("PATCH", path, {"hard": False, "on_unpriced": "allow"})
    assert (soft["hard"], soft["on_unpriced"], soft["amount_usd"]) == (False, "allow", Decimal("0.05"))
    assert calls(gateway, made["key"], SQUARE, "images/generations").status_code == 200
    admin.done("PATCH", path, {"hard": True})
    assert calls(gateway, made["key"], SQUARE, "images/generations").status_code == 429
    ended = admin.done("DELETE", path)
    assert moment(ended["ended_at"]) and ended["spent_usd"] == Decimal("0.06")
    assert admin.done("DELETE", path) == ended
    assert calls(gateway, made["key"], SQUARE, "images/generations").status_code == 200
    assert admin.ids("budgets", level="key", holder=made["id"]) == []
    assert admin.listed("budgets", level="key", holder=made["id"], ended="true") == [ended]


def test_a_key_and_its_budget_are_made_together_or_not_at_all(admin: Admin) -> None:
    name = named("whole or not")
    refused = admin.ask("POST", "keys", {"name": name, "budget": {"amount_usd": "0"}})
    assert (refused.status_code, refusal(refused)[1]["param"]) == (400, "budget.amount_usd")
    assert admin.ask("GET", f"keys/{name}").status_code == 404


def test_lists_of_what_is_held_are_narrowed_by_level_and_holder(admin: Admin) -> None:
    organisation = admin.make("organisations", name=named("Org"))
    here: Fields = {"level": "organisation", "holder": organisation["name"]}
    at = {"level": "organisation", "holder": organisation["id"]}
    for what, terms in {
        "budgets": {"amount_usd": "100.000000000001", "period": "week"},
        "limits": {"unit": "megapixels", "amount": 2.5, "window_seconds": 3600, "model": "openai/*"},
        "allowances": {"requests": 20},
        "credits": {"amount_usd": "12.50", "note": "Invoice 2041"},
    }.items():
        made = admin.make(what, **here, **terms)
        everywhere = admin.make(what, level="gateway", **terms)
        assert (made["level"], made["holder_id"]) == ("organisation", organisation["id"])
        assert (everywhere["level"], everywhere["holder_id"]) == ("gateway", None)
        shown = made | {"amount_usd": made["balance_usd"], **made["entries"][0]} if what == "credits" else made
        for name, value in terms.items():
            assert shown[name] == (Decimal(value) if name == "amount_usd" else value), name
        assert admin.listed(what, **at) == [made]
        assert made in admin.listed(what, level="organisation")
        assert admin.listed(what, level="gateway") == [everywhere]
        ending = f"budgets/{everywhere['budget_id']}" if what == "credits" else f"{what}/{everywhere['id']}"
        assert admin.ask("DELETE", ending).status_code == 200
        assert admin.listed(what, level="gateway") == []
        assert made in admin.listed(what)


def test_a_limit_or_an_allowance_ends_once(admin: Admin) -> None:
    for what, terms in {"limits": {"unit": "requests", "amount": 5}, "allowances": {"requests": 3}}.items():
        key = admin.make("keys", name=named("k"))["id"]
        made = admin.make(what, level="key", holder=key, **terms)
        assert admin.done("DELETE", f"{what}/{made['id']}") == made
        again = admin.ask("DELETE", f"{what}/{made['id']}")
        assert (again.status_code, refusal(again)[1]["code"]) == (404, f"{what.rstrip('s')}_not_found")


def test_credit_is_paid_in_spent_and_taken_back(gateway: RunningGateway, admin: Admin) -> None:
    made = admin.make("keys", name=named("prepaid"))
    here: Fields = {"level": "key", "holder": made["id"]}
    first = admin.make("credits", **here, amount_usd="0.02", note="a trial")
    assert (first["balance_usd"], first["spent_usd"], first["left_usd"]) == (Decimal("0.02"), 0, Decimal("0.02"))
    refused = calls(gateway, made["key"], SQUARE, "images/generations")
    assert (refused.status_code >= 400, refusal(refused)[1]["code"]) == (True, "insufficient_credits")
    admin.make("credits", **here, amount_usd=0.5)
    answer = calls(gateway, made["key"], SQUARE, "images/generations")
    assert answer.status_code == 200
    cost = Decimal(answer.headers["x-penstock-cost"])
    last = admin.make("credits", **here, amount_usd="-0.12", note="taken back")
    assert (last["balance_usd"], last["spent_usd"], last["left_usd"]) == (Decimal("0.4"), cost, Decimal("0.4") - cost)
    assert [(entry["amount_usd"], entry["note"]) for entry in last["entries"]] == [
        (Decimal("0.02"), "a trial"),
        (Decimal("0.5"), ""),
        (Decimal("-0.12"), "taken back"),
    ]
    assert admin.listed("credits", level="key", holder=made["id"]) == [last]
    assert admin.ids("budgets", level="key", holder=made["id"]) == [], "credits have a list of their own"


# What is refused.

NOWHERE = {"level": "team", "holder": "no such team"}
BAD: list[tuple[str, str, Any, int, str, str | None]] = [
    ("POST", "organisations", {}, 400, "`name` is missing.", "name"),
    ("POST", "organisations", {"name": " "}, 400, "needs a name", "name"),
    ("POST", "organisations", {"name": "x" * 201}, 400, "at most 200 characters", "name"),
    ("POST", "organisations", {"name": "a\nb"}, 400, "on one line", "name"),
    ("POST", "organisations", {"nmae": "x"}, 400, "did you mean `name`?", "nmae"),
    ("POST", "organisations", ["x"], 400, "must be a JSON object", None),
    ("POST", "teams", {"name": "x", "organisation": "nobody"}, 404, "No organisation has", None),
    ("PATCH", "teams/nothing", {"name": "x"}, 404, "No team has", None),
    ("GET", "users/nothing", None, 404, "No user has", None),
    ("GET", "users?organisation=", None, 404, "No organisation has", None),
    ("GET", "users?organization=x", None, 400, "did you mean `organisation`?", "organization"),
    ("GET", "keys?revoked=maybe", None, 400, "`revoked` is wrong", "revoked"),
    ("POST", "keys", {"name": "x", "scopes": []}, 400, "at least one scope", "scopes"),
    ("POST", "keys", {"name": "x", "scopes": ["root"]}, 400, "one of inference, read, admin", "scopes[0]"),
    ("POST", "keys", {"name": "x", "models": ["Open AI"]}, 400, "no slug or pattern", "models"),
    ("POST", "keys", {"name": "x", "addresses": ["10.0.0.256"]}, 400, "neither an IP address", "addresses"),
    ("POST", "keys", {"name": "x", "budget": {"amount": 1}}, 400, "did you mean `amount_usd`?", "budget.amount"),
    ("POST", "keys", {"name": "x", "budget": {"amount_usd": 1, "period": "year"}}, 400, "one of", "budget.period"),
    ("POST", "keys", {"name": "x", "expires_at": "tomorrow"}, 400, "`expires_at` is wrong", "expires_at"),
    ("POST", "keys", {"name": "x", "expires_at": "2030-01-01T00:00:00"}, 400, "timezone", "expires_at"),
    ("POST", "keys", {"name": "x", "expires_at": "2020-01-01T00:00:00Z"}, 400, "would have expired", "expires_at"),
    ("POST", "keys", {"name": "x", "expires_at": "9999-12-31T23:59:59-10:00"}, 400, "1970 to 9999", "expires_at"),
    ("POST", "keys", {"name": "x", "expires_in_days": 0}, 400, "expected `float` > 0", "expires_in_days"),
    (
        "POST",
        "keys",
        {"name": "x", "expires_at": "2030-01-01T00:00:00Z", "expires_in_days": 1},
        400,
        "not both",
        "expires_in_days",
    ),
    ("POST", "keys", {"name": "x", "user": "nobody"}, 404, "No user has", None),
    ("DELETE", "keys/nothing", None, 404, "No key has", None),
    ("POST", "keys/nothing/rotate", {"overlap_seconds": 10**9}, 404, "No key has", None),
    ("POST", "budgets", {"level": "team", "amount_usd": 1}, 400, "the id or name of the team", "holder"),
    ("POST", "budgets", {"level": "gateway", "holder": "x", "amount_usd": 1}, 400, "has no `holder`", "holder"),
    ("POST", "budgets", {**NOWHERE, "amount_usd": 1}, 404, "No team has", None),
    ("POST", "budgets", {"level": "gateway", "amount_usd": "NaN"}, 400, "in dollars", "amount_usd"),
    ("POST", "budgets", {"level": "gateway", "amount_usd": "Infinity"}, 400, "in dollars", "amount_usd"),
    ("POST", "budgets", {"level": "gateway", "amount_usd": -1}, 400, "above $0", "amount_usd"),
    ("POST", "budgets", {"level": "gateway", "amount_usd": 1e30}, 400, "at most $1000000", "amount_usd"),
    ("POST", "budgets", {"level": "gateway", "amount_usd": "1e-999999999"}, 400, "12 decimals", "amount_usd"),
    ("POST", "budgets", {"level": "gateway", "amount_usd": True}, 400, "expected `decimal`", "amount_usd"),
    ("GET", "budgets?holder=x", None, 400, "needs `level`", "level"),
    ("GET", "budgets?level=galaxy", None, 400, "must be one of gateway, organisation", "level"),
    ("GET", "budgets/bud_x", None, 404, "no budget", None),
    ("PATCH", "budgets/bud_x", {"amount_usd": 1}, 404, "no budget", None),
    ("POST", "limits", {"level": "gateway", "unit": "wishes", "amount": 1}, 400, "must be one of", "unit"),
    ("POST", "limits", {"level": "gateway", "unit": "requests", "amount": 1.5}, 400, "whole number", "amount"),
    ("POST", "limits", {"level": "gateway", "unit": "requests", "amount": 0}, 400, "above 0", "amount"),
    (
        "POST",
        "limits",
        {"level": "gateway", "unit": "images", "amount": 1, "window_seconds": 10**9},
        400,
        "31 days",
        "window_seconds",
    ),
    ("POST", "limits", {**NOWHERE, "unit": "images", "amount": 1}, 404, "No team has", None),
    ("POST", "allowances", {"level": "gateway", "requests": 10**30}, 400, "above 0", "requests"),
    ("POST", "credits", {"level": "gateway", "amount_usd": 0}, 400, "in dollars", "amount_usd"),
    ("POST", "credits", {"level": "gateway", "amount_usd": -5}, 400, "at least $0", "amount_usd"),
]


@pytest.mark.parametrize(("method", "path", "body", "status", "says", "param"), BAD)
def test_what_cannot_be_done_is_refused_in_a_sentence(
    admin: Admin, method: str, path: str, body: Any, status: int, says: str, param: str | None
) -> None:
    response = admin.ask(method, path, body)
    message, told = refusal(response)
    assert (response.status_code, told["param"]) == (status, param), response.text
    assert says in message
    assert message.endswith((".", "?"))


def test_a_name_is_taken_once_and_several_of_a_name_are_told_by_their_ids(admin: Admin) -> None:
    name = named("Org")
    one, other = admin.make("organisations", name=name), admin.make("organisations", name=named("Org"))
    taken = admin.ask("PATCH", f"organisations/{other['id']}", {"name": name})
    assert (taken.status_code, refusal(taken)[1]["code"]) == (400, "name_taken")
    teams = [admin.make("teams", organisation=row["id"], name=name)["id"] for row in (one, other)]
    ambiguous = admin.ask("GET", f"teams/{name}")
    assert (ambiguous.status_code, refusal(ambiguous)[1]["code"]) == (400, "ambiguous_name")
    assert all(id in refusal(ambiguous)[0] for id in teams)


def test_a_body_that_is_no_json_or_too_large_is_refused(gateway: RunningGateway) -> None:
    headers = {"authorization": f"Bearer {gateway.admin_key}"}
    for content, status, code in (
        (b"name=x", 400, "invalid_json"),
        (b'{"name": "%s"}' % (b"x" * MOST_BYTES), 413, "request_too_large"),
    ):
        refused = httpx.post(f"{gateway.url}/admin/api/organisations", headers=headers, content=content, timeout=30)
        assert (refused.status_code, refusal(refused)[1]["code"]) == (status, code)


@pytest.mark.parametrize(("method", "path"), [(method, path) for method, path, _, _ in ADMIN_ROUTES])
def test_keys_that_call_or_look_do_not_administrate(gateway: RunningGateway, method: str, path: str) -> None:
    refused = httpx.request(
        method,
        gateway.url + path.replace("{", "").replace("}", ""),
        headers={"authorization": f"Bearer {gateway.new_key(Scope.INFERENCE, Scope.READ)}"},
        timeout=30,
    )
    assert (refused.status_code, refusal(refused)[1]["code"]) == (403, "forbidden")


@pytest.mark.parametrize("method", ["PUT", "OPTIONS", "PATCH"])
def test_another_method_is_told_which_there_are(admin: Admin, method: str) -> None:
    response = admin.ask(method, "keys")
    assert (response.status_code, response.headers["allow"]) == (405, "GET, POST")
    response = admin.ask("PUT", "keys/x")
    assert (response.status_code, response.headers["allow"]) == (405, "DELETE, GET, PATCH")
