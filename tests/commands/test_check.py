"""`penstock check`: what is on, why the rest is off, and what is wrong with a configuration."""

from functools import partial
from pathlib import Path

import pytest

from penstock.store.books import BlockingBooks
from penstock.store.db import Database
from penstock.store.paused import pause_provider
from tests.commands.conftest import Penstock

MINE = "providers: {{mine: {{adapter: {adapter}, base_url: 'http://127.0.0.1:9', quirks: {quirks}}}}}"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "penstock.yaml"


def test_without_anything_the_sandbox_is_on_and_the_others_say_what_they_need(penstock: Penstock) -> None:
    rows = {row["provider"]: row for row in penstock("check", "--json").json}
    assert [slug for slug, row in rows.items() if row["on"]] == ["sandbox"]
    assert rows["bfl"]["reason"] == "no key: set BFL_API_KEY, or api_key in the configuration"
    assert rows["bfl"]["offers"] > 0


def test_a_key_switches_a_provider_on_wherever_it_comes_from(
    penstock: Penstock, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "a-key")
    monkeypatch.setenv("MY_KEY", "another")
    file.write_text("providers: {bfl: {api_key: '${MY_KEY}'}, sandbox: {enabled: false}}")
    rows = {row["provider"]: row for row in penstock("check", "--config", str(file), "--json").json}
    assert (rows["bfl"]["on"], rows["bfl"]["reason"]) == (True, "key from the configuration")
    assert (rows["openai"]["on"], rows["openai"]["reason"]) == (True, "key from OPENAI_API_KEY")
    assert (rows["sandbox"]["on"], rows["sandbox"]["reason"]) == (False, "switched off in the configuration")
    table = penstock("check", "--config", str(file))
    assert any(line.startswith("bfl on ") for line in table.lines)
    assert "another" not in table.out and "a-key" not in table.out


def test_what_an_administrator_has_paused_is_said(penstock: Penstock, data: Path) -> None:
    data.mkdir()
    with Database.open(str(data / "penstock.db")) as database:
        for slug in ("sandbox", "bfl"):  # who is off is not paused
            BlockingBooks(database).change(
                partial(pause_provider, provider=slug, reason="[red]dear", key_id=None, now=1)
            )
    rows = {row["provider"]: row for row in penstock("check", "--json").json}
    assert [slug for slug, row in rows.items() if row["paused"]] == ["sandbox"]
    lines = penstock("check").lines
    assert "sandbox paused 3 paused by the administrator: [red]dear" in lines
    assert any(line.startswith("bfl off ") for line in lines)


def test_providers_that_cannot_be_called_are_listed_where_they_are_asked_for(penstock: Penstock) -> None:
    rows, everything = (penstock("check", *all_, "--json").json for all_ in ((), ("--all",)))
    assert "fal" not in {row["provider"] for row in rows}
    fal = next(row for row in everything if row["provider"] == "fal")
    assert not fal["on"]
    assert fal["offers"] > 0
    assert len(rows) < 20 < len(everything)


REFUSED = {
    "a trusted proxy that is no address": (
        "server: {trusted_proxies: [proxy.example.com]}",
        "server.trusted_proxies: 'proxy.example.com' is neither an IP address nor a network",
    ),
    "an unknown setting, with the nearest": (
        "server: {prot: 1}",
        "Unknown setting `server.prot`. Did you mean `port`?",
    ),
    "a variable that is not set": ("providers: {bfl: {api_key: '${NOPE}'}}", "uses ${NOPE}, which is not set"),
    "an unknown adapter, with those there are": (
        MINE.format(adapter="openai", quirks="{}"),
        "Provider mine: there is no adapter 'openai'; there are bfl, openai_compatible, sandbox.",
    ),
    "an unknown quirk, with the nearest": (
        MINE.format(adapter="openai_compatible", quirks="{auth_heder: x}"),
        "Provider mine: The openai_compatible adapter has no quirk 'auth_heder'; the nearest is 'auth_header'.",
    ),
    "a quirk's wrong value": (MINE.format(adapter="openai_compatible", quirks="{edits: fax}"), "Invalid enum value"),
    "a provider that cannot be reached": ("providers: {mine: {api_key: x}}", "needs an `adapter`"),
    "an offer of an unknown model": (
        "providers: {bfl: {offers: [{model: black-forest-labs/flux.9, upstream: x, operations: [chat]}]}}",
        "there is no model with the slug 'black-forest-labs/flux.9'; did you mean",
    ),
    "a misspelt key of an offer": (
        "providers: {bfl: {offers: [{modell: x, upstream: y, operations: [chat]}]}}",
        "there is no key 'modell'; did you mean 'model'?",
    ),
    "a price without a date": (
        "providers: {bfl: {offers: [{model: black-forest-labs/flux.2-pro, upstream: y, operations: [chat],"
        " price: {source: x, meters: []}}]}}",
        "checked",
    ),
}


@pytest.mark.parametrize(("text", "sentence"), REFUSED.values(), ids=REFUSED)
def test_a_configuration_is_refused_for(penstock: Penstock, file: Path, text: str, sentence: str) -> None:
    file.write_text(text)
    ran = penstock("check", "--config", str(file))
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith("penstock: ") and sentence in ran.err


def test_the_catalogue_folder_of_the_data_directory_is_checked_too(penstock: Penstock, data: Path) -> None:
    (data / "catalogue").mkdir(parents=True)
    (data / "catalogue" / "prices.toml").write_text("")
    ran = penstock("check")
    assert ran.code == 1 and "prices.toml" in ran.err and "move this file" in ran.err
