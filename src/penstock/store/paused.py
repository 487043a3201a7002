"""Providers that an administrator has paused, until they are resumed; a restart changes nothing of it.

All are functions of a connection, for `store.books` to run; `pipeline.switchboard` makes them count.
"""

from dataclasses import dataclass

from sqlalchemy import Connection, delete, insert, select

from penstock.core.errors import BadRequest
from penstock.store.checks import MOST_CHARACTERS
from penstock.store.tables import paused_providers


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """Why a provider is not called, and since when."""

    provider: str
    """The provider's slug."""
    paused_at: int
    """Unix milliseconds."""
    paused_by: str | None
    """The id of the key of who paused it; None: not known."""
    reason: str


def pauses(c: Connection) -> dict[str, Pause]:
    """What is paused now, by provider."""
    rows = c.execute(select(paused_providers).order_by(paused_providers.c.provider)).mappings()
    return {row["provider"]: Pause(**row) for row in rows}


def pause_provider(c: Connection, provider: str, reason: str, key_id: str | None, now: int) -> Pause:
    """Pause one; of one that is paused, only the reason changes. Raises BadRequest without a reason."""
    reason = " ".join(reason.split())
    if not reason or len(reason) > MOST_CHARACTERS:
        raise BadRequest(
            f"Say in up to {MOST_CHARACTERS} characters why it is paused: whoever asks for it is told.", param="reason"
        )
    before = pauses(c).get(provider)
    since, by = (before.paused_at, before.paused_by) if before else (now, key_id)
    pause = Pause(provider=provider, paused_at=since, paused_by=by, reason=reason)
    c.execute(delete(paused_providers).where(paused_providers.c.provider == provider))
    c.execute(insert(paused_providers).values(provider=provider, paused_at=since, paused_by=by, reason=reason))
    return pause


def resume_provider(c: Connection, provider: str) -> None:
    """It is called again; one that is not paused stays as it is."""
    c.execute(delete(paused_providers).where(paused_providers.c.provider == provider))
