"""Which providers are switched on, by which key; and why the others are off."""

from collections.abc import Mapping
from dataclasses import dataclass

from penstock.core.target import Account, Provider, Secret
from penstock.settings import ProviderSettings, Settings, SettingsError


@dataclass(frozen=True, slots=True)
class Switch:
    """Whether a provider is on, and the reason in a sentence."""

    provider: Provider
    account: Account | None
    reason: str


def switches(
    providers: Mapping[str, Provider], settings: Settings, environment: Mapping[str, str]
) -> dict[str, Switch]:
    """Every provider of the catalogue, on or off.

    Raises SettingsError where the configuration switches one on that cannot be called.
    """
    return {
        slug: _switch(provider, settings.providers.get(slug, ProviderSettings()), environment)
        for slug, provider in providers.items()
    }


def _switch(provider: Provider, given: ProviderSettings, environment: Mapping[str, str]) -> Switch:
    if given.enabled is False:
        return Switch(provider, None, "switched off in the configuration")
    if given.enabled and not provider.adapter:
        raise SettingsError(f"providers.{provider.slug}: is switched on, but this version cannot call it.")
    if not provider.adapter:
        return Switch(provider, None, "its prices are known, but this version cannot call it")
    configured = (given.api_key or "").strip()
    # Keys read from files end in a line break, which no header may hold.
    key = configured or (environment.get(provider.key_variable, "").strip() if provider.key_variable else "")
    if given.enabled and provider.key_variable and not key:
        raise SettingsError(
            f"providers.{provider.slug}: is switched on without a key. "
            f"Set {provider.key_variable}, or api_key beside it."
        )
    if provider.key_variable and not key:
        return Switch(provider, None, f"no key: set {provider.key_variable}, or api_key in the configuration")
    account = Account(provider=provider, key=Secret(key) if key else None, timeout=given.timeout_seconds)
    if configured:
        reason = "key from the configuration"
    else:
        reason = f"key from {provider.key_variable}" if key else "needs no key"
    return Switch(provider, account, reason)
