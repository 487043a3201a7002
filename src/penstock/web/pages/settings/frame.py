"""What all pages of the settings have: their parts at the side, notices of what was done, forms and questions."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs

from penstock.core.errors import BadRequest, NotFound
from penstock.pipeline.request import Reply
from penstock.web.forms import Sheet
from penstock.web.visit import Visit

PARTS = (
    ("Overview", "/settings"),
    ("Keys", "/settings/keys"),
    ("People", "/settings/people"),
    ("Budgets", "/settings/budgets"),
    ("Limits", "/settings/limits"),
    ("Providers", "/settings/providers"),
    ("Routing", "/settings/routing"),
    ("Catalogue", "/settings/catalogue"),
    ("Benchmarks", "/settings/benchmarks"),
)

DONE: Mapping[str, str] = {
    "key-changed": "The key is changed. That counts for the very next request.",
    "key-revoked": "The key is revoked. It opens nothing any more.",
    "made": "It is made.",
    "renamed": "It is renamed.",
    "archived": "It is archived. Its keys are refused from now on.",
    "budget-made": "The budget is made. What is spent from now on counts.",
    "budget-changed": "The budget is changed.",
    "budget-ended": "It has ended. What was spent stays in the books.",
    "paid": "The credit is changed.",
    "allowance-made": "The allowance is made.",
    "allowance-ended": "The allowance has ended.",
    "limit-made": "The limit is made. It counts for the very next request.",
    "limit-ended": "The limit has ended.",
    "paused": "The provider is paused. No request begins with it any more.",
    "resumed": "The provider is asked again.",
    "accepted": "The result is accepted. It is on the model's page now.",
    "declined": "The result is declined.",
    "put-back": "The result is waiting again.",
}
"""What a page says after something was done, by the word in its address."""

REFUSED = (BadRequest, NotFound)
"""Errors that are shown on the form that brought them about."""


def framed(visit: Visit, template: str, *, title: str, part: str, status: int = 200, **values: Any) -> Reply:
    """A page of the settings. `crumb` among the values is the name and the address of the page above it."""
    shown = {"crumb": None, **values}
    return visit.page(
        f"settings/{template}",
        title=title,
        status=status,
        parts=PARTS,
        part=part,
        done=DONE.get(parameter(visit, "done")),
        **shown,
    )


def form_page(
    visit: Visit,
    sheet: Sheet,
    *,
    title: str,
    part: str,
    button: str,
    back: str,
    above: str,
    lead: str = "",
) -> Reply:
    """A form that is sent to its own address, with nothing beside it; 400 where it was sent with a fault."""
    return framed(
        visit,
        "form.html",
        title=title,
        part=part,
        status=400 if sheet.fault else 200,
        sheet=sheet,
        action=visit.incoming.path,
        button=button,
        back=back,
        crumb=(above, back),
        lead=lead,
    )


def ask_page(
    visit: Visit,
    *,
    title: str,
    part: str,
    sentences: Sequence[str],
    button: str,
    back: str,
    above: str,
    warnings: Sequence[str] = (),
    fault: str = "",
) -> Reply:
    """Ask before something is done that cannot be undone; without a button it cannot be done."""
    return framed(
        visit,
        "ask.html",
        title=title,
        part=part,
        status=400 if fault else 200,
        sentences=sentences,
        warnings=warnings,
        button=button,
        back=back,
        action=visit.incoming.path,
        fault=fault,
        crumb=(above, back),
    )


def parameter(visit: Visit, name: str) -> str:
    """One of the address's parameters; empty where it is not there."""
    return parse_qs(visit.incoming.query).get(name, [""])[-1].strip()


def unkept(reply: Reply) -> Reply:
    """A page with a secret on it, which no browser may keep."""
    return replace(reply, headers={**reply.headers, "cache-control": "no-store"})
