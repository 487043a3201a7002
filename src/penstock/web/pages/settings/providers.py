"""`/settings/providers`: which providers are on, why others are off, how they do; tested, paused and resumed."""

from penstock.api.admin_providers import (
    NewPause,
    ProviderTest,
    find_switch,
    pause_one,
    provider_states,
    tested,
)
from penstock.pipeline.pausing import resume
from penstock.pipeline.request import Reply
from penstock.store.usage import holder_names
from penstock.web.forms import Field, Sheet, again, read, sheet
from penstock.web.pages.settings.frame import REFUSED, form_page, framed
from penstock.web.visit import Form, Visit

PART = "/settings/providers"
_REASON = (
    Field(
        name="reason",
        label="Why",
        required=True,
        hint="In a sentence. Whoever asks for this provider is told.",
    ),
)


async def list_page(visit: Visit) -> Reply:
    """`GET /settings/providers`."""
    return await _page(visit)


async def test(visit: Visit, form: Form, provider: str) -> Reply:
    """`POST /settings/providers/{provider}/test`."""
    return await _page(visit, await tested(visit.gateway, provider))


async def pause_page(visit: Visit, provider: str) -> Reply:
    """`GET /settings/providers/{provider}/pause`."""
    paused = visit.gateway.accounts.paused.get(provider)
    return _pause_page(visit, provider, sheet(_REASON, {"reason": paused.reason if paused else ""}))


async def pause(visit: Visit, form: Form, provider: str) -> Reply:
    """`POST /settings/providers/{provider}/pause`."""
    find_switch(visit.gateway, provider)
    try:
        key_id = visit.principal.key_id if visit.principal else None
        await pause_one(visit.gateway, provider, read(_REASON, form, NewPause), key_id)
    except REFUSED as error:
        return _pause_page(visit, provider, again(_REASON, form, error))
    return visit.redirect(f"{PART}?done=paused")


async def resume_one(visit: Visit, form: Form, provider: str) -> Reply:
    """`POST /settings/providers/{provider}/resume`."""
    await resume(visit.gateway, find_switch(visit.gateway, provider).provider.slug)
    return visit.redirect(f"{PART}?done=resumed")


async def _page(visit: Visit, found: ProviderTest | None = None) -> Reply:
    states = provider_states(visit.gateway)
    by = {state.paused.paused_by for state in states if state.paused and state.paused.paused_by}
    names = await visit.gateway.books.read(lambda c: holder_names(c, "key", by)) if by else {}
    return framed(
        visit,
        "providers.html",
        title="Providers",
        part=PART,
        on=[state for state in states if state.state != "off"],
        off=[state for state in states if state.state == "off"],
        found=found,
        found_name=find_switch(visit.gateway, found.provider).provider.name if found else "",
        names=names,
    )


def _pause_page(visit: Visit, provider: str, shown: Sheet) -> Reply:
    name = find_switch(visit.gateway, provider).provider.name
    return form_page(
        visit,
        shown,
        title=f"Pause {name}",
        part=PART,
        button="Pause it",
        back=PART,
        above="Providers",
        lead="No request begins with it until it is resumed, also after a restart. What is under way finishes.",
    )
