"""Tells the other processes of the gateway how offers have been doing, and hears it from them, through the database.

What was written before a restart is heard too: a gateway that starts knows the last day. Earlier days are added up,
and kept for longer.
"""

import asyncio
from dataclasses import asdict, dataclass, field
from functools import partial

import structlog

from penstock.core.errors import PenstockError
from penstock.pipeline.gateway import Gateway
from penstock.store.health import SlotRow, forget_slots, read_slots, write_slots
from penstock.store.health_days import add_up, forget_days, write_days
from penstock.upstream.health import DAY_SECONDS, Changed

log = structlog.get_logger()

_PAUSE_SECONDS = 5.0
_DAY_MS = int(DAY_SECONDS * 1000)
_HOUR_MS = 3_600_000
_HOUR_MINUTES = 60
_DAYS_SECONDS = 300.0
"""How often days are added up."""
_LATE_MS = 2 * _HOUR_MS
"""For so long after its end a day is still added up, for all of its slots: what was untold comes within an hour."""
_DAYS_KEPT = 400
_OVERLAP_MS = 60_000
"""So much of what was read before is read again: a row is committed a while after the time it says."""
_AT_ONCE = 200
"""Rows taken over before requests have their turn again."""


async def share_health(gateway: Gateway) -> None:
    """Runs until cancelled."""
    sharing = Sharing(gateway)
    while True:
        try:
            await sharing.once()
        except PenstockError as error:
            log.warning("health.not_shared", error=error.message)
        except Exception:  # the task boundary: what is known of offers must not grow old, or without end
            log.exception("health.not_shared")
        await asyncio.sleep(_PAUSE_SECONDS)


@dataclass(slots=True)
class Sharing:
    """What this process has told, and heard."""

    gateway: Gateway
    _untold: dict[tuple[str, str, str, int], Changed] = field(default_factory=dict)
    """By offer, operation, size and minute; kept until it is written."""
    _heard_at: int | None = None
    _added_up_at: int | None = None
    _forgotten_at: int = 0

    async def once(self) -> None:
        """Tell, hear, add up days, forget what is too old. Raises Unavailable where the database cannot be used now."""
        healths, clock = self.gateway.healths, self.gateway.clock
        unix, monotonic = clock.now(), clock.monotonic()
        healths.epoch = unix - monotonic
        now = int(unix * 1000)
        await self._tell(now)
        await self._hear(now)
        # Not before everything was heard: what is older than an hour is only added up once.
        healths.tidy(monotonic)
        if self._added_up_at is None or now - self._added_up_at >= _DAYS_SECONDS * 1000:
            await self._add_up_days(now)
        if now - self._forgotten_at >= _HOUR_MS:  # only now, when they have been added up
            await self.gateway.books.change(partial(forget_slots, before_ms=now - _DAY_MS - _LATE_MS))
            await self.gateway.books.change(partial(forget_days, before_ms=now - _DAYS_KEPT * _DAY_MS))
            self._forgotten_at = now

    async def _tell(self, now: int) -> None:
        told = [*self._untold.values(), *self.gateway.healths.changed()]
        # Nobody takes over what is more than an hour old.
        oldest = now // 60_000 - _HOUR_MINUTES
        self._untold = {(it.offer, it.operation, it.size_class, it.minute): it for it in told if it.minute >= oldest}
        if self._untold:
            me = self.gateway.presence.id
            rows = [SlotRow(process=me, changed_at=now, **asdict(it)) for it in self._untold.values()]
            await self.gateway.books.change(partial(write_slots, rows=rows))
            self._untold.clear()

    async def _hear(self, now: int) -> None:
        since = now - _DAY_MS if self._heard_at is None else self._heard_at - _OVERLAP_MS
        reading = partial(read_slots, since_ms=since, not_process=self.gateway.presence.id)
        rows = await self.gateway.books.read(reading)
        for position in range(0, len(rows), _AT_ONCE):
            self.gateway.healths.merge(rows[position : position + _AT_ONCE])
            await asyncio.sleep(0)
        self._heard_at = now

    async def _add_up_days(self, now: int) -> None:
        """The days that slots may have come to since, and at first all of which there are any.

        They are read beside the writer, which is not to wait: where less was read than another process has written
        meanwhile, that stays.
        """
        since = 0 if self._added_up_at is None else self._added_up_at - _LATE_MS
        rows = await self.gateway.books.read(partial(add_up, since_ms=since))
        if rows:
            await self.gateway.books.change(partial(write_days, rows=rows))
        self._added_up_at = now
