"""Adapters: one file per protocol, translating our calls to a provider's wire format and its answers back.

Pure translation. No socket, clock or database here: `pipeline.call` sends what an adapter writes and hands back
what came. An adapter knows no other adapter. The table below is by the name used in `catalogue/data/providers.toml`.
"""

from collections.abc import Callable, Iterable

from penstock.core.target import Provider
from penstock.providers.base import AnyAdapter
from penstock.providers.bfl import Bfl
from penstock.providers.openai_compatible import OpenAICompatible
from penstock.providers.sandbox import Sandbox
from penstock.settings import SettingsError

ADAPTERS: dict[str, Callable[[], AnyAdapter]] = {
    "bfl": Bfl,
    "openai_compatible": OpenAICompatible,
    "sandbox": Sandbox,
}


def check_quirks(providers: Iterable[Provider]) -> None:
    """Raises SettingsError, naming the provider, for an unknown adapter or a quirk its adapter does not have."""
    for provider in providers:
        if not provider.adapter:
            continue
        if provider.adapter not in ADAPTERS:
            raise SettingsError(
                f"Provider {provider.slug}: there is no adapter {provider.adapter!r}; there are {', '.join(ADAPTERS)}."
            )
        check = getattr(ADAPTERS[provider.adapter](), "check_quirks", None)
        try:
            if check is not None:
                check(provider.quirks)
            elif provider.quirks:
                raise ValueError(f"the {provider.adapter} adapter has no quirks")
        except ValueError as error:
            said = str(error).rstrip(".")
            raise SettingsError(f"Provider {provider.slug}: {said}.") from error
