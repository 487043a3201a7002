"""Settings: defaults, one file, the environment, and sentences for everything that cannot be used."""

from decimal import Decimal
from pathlib import Path

import pytest

from penstock.settings import Settings, SettingsError, load


def written(folder: Path, text: str) -> Path:
    file = folder / "penstock.yaml"
    file.write_text(text)
    return file


def test_without_a_file_everything_has_a_default() -> None:
    settings = load(None)
    assert settings == Settings()
    assert (settings.server.host, settings.server.port, settings.data_path) == ("127.0.0.1", 8080, Path("data"))


def test_a_file_is_read_and_what_it_leaves_out_keeps_its_default(tmp_path: Path) -> None:
    text = """
data: /var/lib/penstock
assets:
  retention_days: 30
providers:
  xai: {cost_unit_usd: 0.01}
  mine:
    adapter: openai_compatible
    base_url: http://127.0.0.1:9/v1
    quirks: {edits: json}
"""
    settings = load(written(tmp_path, text), {})
    assert settings.data == "/var/lib/penstock"
    assert (settings.assets.retention_days, settings.assets.link_seconds) == (30, 604_800)
    assert settings.providers["xai"].cost_unit_usd == Decimal("0.01")
    assert settings.providers["mine"].quirks == {"edits": "json"}


def test_variables_are_taken_from_the_environment_wherever_text_stands(tmp_path: Path) -> None:
    text = """
server: {port: "${PORT}", public_url: "https://${NAME}.example"}
network: {allow_private_hosts: ["${NAME}.internal"]}
"""
    settings = load(written(tmp_path, text), {"PORT": "9000", "NAME": "pictures"})
    assert (settings.server.port, settings.server.public_url) == (9000, "https://pictures.example")
    assert settings.network.allow_private_hosts == ("pictures.internal",)


@pytest.mark.parametrize("text", ["", "server:\nproviders:\n  # nothing yet\n", "# only a comment\n"])
def test_an_empty_file_or_section_is_the_defaults(tmp_path: Path, text: str) -> None:
    assert load(written(tmp_path, text), {}) == Settings()


@pytest.mark.parametrize("text", ["", "server:\n", "server: {host: 0.0.0.0, max_body_megabytes: 8}\n"])
def test_the_command_line_counts_before_the_file(tmp_path: Path, text: str) -> None:
    settings = load(written(tmp_path, f"data: elsewhere\n{text}"), {}, data="here", host="::1", port=1234)
    assert (settings.data, settings.server.host, settings.server.port) == ("here", "::1", 1234)
    assert settings.server.max_body_megabytes == (8 if "8" in text else 64)


def test_what_the_command_line_leaves_out_stays_as_the_file_has_it(tmp_path: Path) -> None:
    settings = load(written(tmp_path, "data: elsewhere\nserver: {port: 81}\n"), {}, data=None, host=None, port=None)
    assert (settings.data, settings.server.port) == ("elsewhere", 81)


REFUSED = [
    ("sever: {}", "Unknown setting `sever`. Did you mean `server`?"),
    ("server: {prot: 1}", "Unknown setting `server.prot`. Did you mean `port`?"),
    ("assets: {zzz: 1}", "Unknown setting `assets.zzz`. Known here: link_seconds, max_picture_megabytes, "),
    ("providers: {bfl: {api_ky: x}}", "Unknown setting `providers.bfl.api_ky`. Did you mean `api_key`?"),
    ('server: {host: "${NOWHERE}"}', "uses ${NOWHERE}, which is not set in the environment."),
    ("server: {port: many}", "server.port: expected int, got str."),
    ("server: {port: 0}", "server.port: expected int >= 1."),
    ("server: {port: 70000}", "server.port: expected int <= 65535."),
    ("server: {log_level: loud}", "server.log_level: expected str matching regex '^(debug|info|warning|error)$'."),
    ("server: {request_timeout_seconds: 0}", "server.request_timeout_seconds: expected float > 0.0."),
    ("assets: {retention_days: -1}", "assets.retention_days: expected float > 0.0."),
    ("server: [1]", "server: expected object, got array."),
    ("providers: {bfl: {concurrency: 0}}", "concurrency: expected int >= 1."),
    ("- a list", "must be a mapping of settings"),
    ("server: {port: [1", "is not valid YAML"),
]


@pytest.mark.parametrize(("text", "sentence"), REFUSED, ids=[text for text, _ in REFUSED])
def test_what_cannot_be_used_is_refused_in_a_sentence(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(SettingsError) as refused:
        load(written(tmp_path, text), {})
    assert sentence in str(refused.value)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    binary = tmp_path / "binary.yaml"
    binary.write_bytes(b"\xff\xfe\x00")
    for file, why in (
        (tmp_path / "nowhere.yaml", "cannot be read: No such file"),
        (tmp_path, "cannot be read: Is a dir"),
        (binary, "is not UTF-8 text"),
    ):
        with pytest.raises(SettingsError) as refused:
            load(file, {})
        assert str(file) in str(refused.value) and why in str(refused.value)
