"""Which providers are switched on, by which key; and why the others are off."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from penstock.core.target import Account, AccountKey, Provider, Secret
from penstock.settings import ProviderKey, ProviderSettings, Settings, SettingsError


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

    Raises SettingsError where the configuration switches one on that cannot be called, or gives it keys that cannot
    be used.
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
    keys = _keys(provider.slug, given)
    if keys:
        count = f"{len(keys)} keys" if len(keys) > 1 else "1 key"
        return Switch(provider, _account(provider, given, keys[0].key, keys), f"{count} from the configuration")
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
    if configured:
        reason = "key from the configuration"
    else:
        reason = f"key from {provider.key_variable}" if key else "needs no key"
    return Switch(provider, _account(provider, given, Secret(key) if key else None), reason)


def _account(
    provider: Provider, given: ProviderSettings, key: Secret | None, keys: tuple[AccountKey, ...] = ()
) -> Account:
    name = keys[0].name if keys else ""
    return Account(provider=provider, key=key, timeout=given.timeout_seconds, key_name=name, keys=keys)


def _keys(slug: str, given: ProviderSettings) -> tuple[AccountKey, ...]:
    """The keys of a provider that has several, each with a name of its own."""
    if given.keys and (given.api_key or "").strip():
        raise SettingsError(f"providers.{slug}: has api_key and keys. Keep one of the two; keys may hold a single key.")
    keys = tuple(_key(slug, number, row) for number, row in enumerate(given.keys, start=1))
    for name, count in Counter(key.name for key in keys).items():
        if count > 1:
            raise SettingsError(
                f"providers.{slug}.keys: {count} keys are called {name!r}. Give each a `name` of its own."
            )
    return keys


def _key(slug: str, number: int, row: ProviderKey) -> AccountKey:
    name, key = row.name.strip() or str(number), row.api_key.strip()
    if not key:
        raise SettingsError(f"providers.{slug}.keys: key {name} is empty. Set its api_key, or take it out of the list.")
    if row.usd_per_day is not None and not (row.usd_per_day.is_finite() and row.usd_per_day > 0):
        raise SettingsError(
            f"providers.{slug}.keys: key {name} has a usd_per_day of {row.usd_per_day}; expected above 0."
        )
    return AccountKey(
        name=name,
        key=Secret(key),
        weight=row.weight,
        requests_per_minute=row.requests_per_minute,
        usd_per_day=row.usd_per_day,
    )
