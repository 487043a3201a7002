"""A provider switched on by the configuration must be one that can be called."""

import pytest

from penstock.core.target import Provider
from penstock.settings import ProviderSettings, Settings, SettingsError
from penstock.upstream.credentials import switches

KEYED = Provider(slug="keyed", name="Keyed", adapter="openai_compatible", key_variable="KEYED_API_KEY")
KNOWN_ONLY = Provider(slug="known", name="Known", adapter="")


@pytest.mark.parametrize("provider", [KEYED, KNOWN_ONLY], ids=lambda provider: provider.slug)
def test_what_is_switched_on_and_cannot_be_called_is_refused(provider: Provider) -> None:
    settings = Settings(providers={provider.slug: ProviderSettings(enabled=True)})
    with pytest.raises(SettingsError, match=provider.slug):
        switches({provider.slug: provider}, settings, {})


def test_what_is_switched_on_with_its_key_is_on() -> None:
    settings = Settings(providers={"keyed": ProviderSettings(enabled=True)})
    assert switches({"keyed": KEYED}, settings, {"KEYED_API_KEY": "k"})["keyed"].account is not None
