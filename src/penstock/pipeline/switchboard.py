"""Which providers may be called now: those that are on, without the ones that an administrator has paused.

A `Switchboard` is the mapping that the steps of the pipeline look at. Requests under way go on with whom they began
with, and what a provider has accepted is asked for while it is paused; `pipeline.pausing` says what is paused.
"""

from collections.abc import Iterator, Mapping

from penstock.core.target import Account, Provider
from penstock.store.paused import Pause
from penstock.upstream.credentials import Switch


class Switchboard(Mapping[str, Account]):
    """Accounts of the providers that may be called, by slug."""

    def __init__(self, switches: Mapping[str, Switch], paused: Mapping[str, Pause] | None = None) -> None:
        self.switches = switches
        """Every provider of the catalogue, on or off."""
        self.accounts = {slug: switch.account for slug, switch in switches.items() if switch.account}
        """Those that are on, paused ones included."""
        self.paused: Mapping[str, Pause] = {}
        """Those of them that are paused."""
        self.changes = 0
        """Counts up; a reading that was begun before the last one is old."""
        self._callable = self.accounts
        self.put(paused or {})

    def put(self, paused: Mapping[str, Pause]) -> None:
        """What is paused from now on, and nothing else."""
        self.paused = {slug: pause for slug, pause in paused.items() if slug in self.accounts}
        self._callable = {slug: account for slug, account in self.accounts.items() if slug not in self.paused}
        self.changes += 1

    def why_paused(self, provider: Provider) -> str | None:
        """The sentence for whoever asks for a provider that is paused; None where it is not."""
        pause = self.paused.get(provider.slug)
        if pause is None:
            return None
        end = "" if pause.reason.endswith((".", "!", "?")) else "."
        return f"{provider.name} is paused by the administrator: {pause.reason}{end}"

    def __getitem__(self, slug: str) -> Account:
        return self._callable[slug]

    def __contains__(self, slug: object) -> bool:
        return slug in self._callable

    def __iter__(self) -> Iterator[str]:
        return iter(self._callable)

    def __len__(self) -> int:
        return len(self._callable)
