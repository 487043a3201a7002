"""The commands. Each one reads its options, calls one function and prints."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import msgspec
import typer

from penstock import __version__
from penstock.settings import Settings, SettingsError, load

if TYPE_CHECKING:
    from penstock.store.keys import BlockingKeys

app = typer.Typer(
    help="Penstock, a self-hosted gateway for image models and the text models around them.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
keys_app = typer.Typer(help="Keys that callers send.", no_args_is_help=True)
app.add_typer(keys_app, name="keys")

Data = Annotated[Path | None, typer.Option(help="Data directory.", envvar="PENSTOCK_DATA")]
Config = Annotated[Path | None, typer.Option(help="Configuration file (YAML).", envvar="PENSTOCK_CONFIG")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def main() -> None:
    """The `penstock` command."""
    from penstock.catalogue.schema import CatalogueError
    from penstock.core.errors import PenstockError

    try:
        app()
    except (SettingsError, CatalogueError) as error:
        fail(str(error))
    except PenstockError as error:
        fail(error.message)
    except OSError as error:
        fail(f"{error.filename or 'A file'} cannot be used: {error.strerror or error}.")


def fail(message: str) -> NoReturn:
    """Say why on standard error and leave with 1."""
    typer.echo(f"penstock: {message}", err=True)
    raise SystemExit(1)


@contextmanager
def open_keys(settings: Settings) -> Iterator["BlockingKeys"]:
    """The keys of a data directory, also while a gateway runs on it."""
    from penstock.core.clock import SystemClock
    from penstock.store.db import Database
    from penstock.store.keys import BlockingKeys

    with Database.open(str(settings.data_path / "penstock.db")) as database:
        yield BlockingKeys(database, SystemClock())


def show_json(value: Any) -> None:
    typer.echo(msgspec.json.format(msgspec.json.Encoder(decimal_format="number").encode(value)).decode())


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on.", envvar="PENSTOCK_HOST")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on.", envvar="PENSTOCK_PORT")] = None,
    data: Data = None,
    config: Config = None,
) -> None:
    """Run the gateway."""
    from penstock.app import build
    from penstock.process import check_address
    from penstock.process import serve as run
    from penstock.telemetry import log

    settings = load(config, host=host, port=port, data=str(data) if data else None)
    check_address(settings.server.host, settings.server.port)
    log.set_up(settings.server.log_level)
    application = build(settings, os.environ)
    _greet(settings, _first_key(settings))
    run(application, settings)


def _first_key(settings: Settings) -> str | None:
    """The administrator's key, made where there never was one; it is shown once and kept as a hash."""
    from penstock.core.principal import Scope

    with open_keys(settings) as keys:
        if any(Scope.ADMIN in key.scopes for key in keys.list()):
            return None
        return keys.create("administrator", [Scope.ADMIN])[1]


def _greet(settings: Settings, key: str | None) -> None:
    host = f"[{settings.server.host}]" if ":" in settings.server.host else settings.server.host
    address = settings.server.public_url or f"http://{host}:{settings.server.port}"
    typer.echo(f"Penstock {__version__} at {address}  (interactive API documentation at {address}/docs)")
    if key:
        typer.echo(f"\nAdministrator key, shown this once:\n\n    {key}\n")
    shown = key or "$PENSTOCK_API_KEY"
    typer.echo(
        "A first picture, from the sandbox, without any provider's key:\n\n"
        f'    curl -s {address}/v1/images/generations -H "Authorization: Bearer {shown}" \\\n'
        "      -H 'Content-Type: application/json' \\\n"
        """      -d '{"model": "sandbox/image", "prompt": "a lighthouse at dusk", "size": "1024x768"}' \\\n"""
        """      | python3 -c "import sys, json, base64; """
        """sys.stdout.buffer.write(base64.b64decode(json.load(sys.stdin)['data'][0]['b64_json']))" > lighthouse.png\n"""
    )
    sys.stdout.flush()


@keys_app.command("create")
def create_key(
    name: Annotated[str, typer.Option(help="What the key is for.")],
    data: Data = None,
    config: Config = None,
    admin: Annotated[bool, typer.Option("--admin", help="May administer the gateway.")] = False,
    as_json: AsJson = False,
) -> None:
    """Make a key. It is shown once and kept as a hash."""
    from penstock.core.principal import Scope

    scopes = [Scope.ADMIN] if admin else [Scope.INFERENCE, Scope.READ]
    with open_keys(load(config, data=str(data) if data else None)) as keys:
        key, plaintext = keys.create(name, scopes)
    if as_json:
        show_json({"key": plaintext, "id": key.id, "name": key.name, "scopes": sorted(key.scopes)})
    else:
        typer.echo(f"{plaintext}\n\nShown this once. `penstock keys revoke {key.id}` ends it.")


@keys_app.command("list")
def list_keys(
    data: Data = None,
    config: Config = None,
    everything: Annotated[bool, typer.Option("--all", help="Revoked keys too.")] = False,
    as_json: AsJson = False,
) -> None:
    """The keys, by their hints."""
    from penstock.commands.tables import keys_table, show

    with open_keys(load(config, data=str(data) if data else None)) as keys:
        found = [key for key in keys.list() if everything or key.revoked_at is None]
    if as_json:
        show_json([{**asdict(key), "scopes": sorted(key.scopes)} for key in found])
    else:
        show(keys_table(found))


@keys_app.command("revoke")
def revoke_key(
    which: Annotated[str, typer.Argument(help="Id, name or hint of the key.")],
    data: Data = None,
    config: Config = None,
) -> None:
    """End a key. A running gateway refuses it within a second."""
    with open_keys(load(config, data=str(data) if data else None)) as keys:
        key = keys.revoke(which)
    typer.echo(f"{key.name} ({key.hint}) is revoked.")


@app.command()
def check(data: Data = None, config: Config = None, as_json: AsJson = False) -> None:
    """Validate a configuration and tell what is on, and why something is off."""
    from penstock.catalogue.configured import configured
    from penstock.commands.tables import show, switches_table
    from penstock.providers import check_quirks
    from penstock.upstream.credentials import switches

    settings = load(config, data=str(data) if data else None)
    catalogue = configured(settings)
    check_quirks(catalogue.providers.values())
    found = switches(catalogue.providers, settings, os.environ)
    offers = {slug: sum(offer.provider == slug for offer in catalogue.all_offers) for slug in found}
    if as_json:
        show_json(
            [
                {"provider": slug, "on": switch.account is not None, "reason": switch.reason, "offers": offers[slug]}
                for slug, switch in found.items()
            ]
        )
    else:
        show(switches_table(found, offers))


@app.command()
def models(
    data: Data = None,
    config: Config = None,
    everything: Annotated[bool, typer.Option("--all", help="Also models no provider here serves.")] = False,
    as_json: AsJson = False,
) -> None:
    """The models, who serves them here, and what they cost."""
    from penstock.catalogue.configured import configured
    from penstock.commands.rows import model_rows
    from penstock.commands.tables import models_table, show
    from penstock.upstream.credentials import switches

    settings = load(config, data=str(data) if data else None)
    catalogue = configured(settings)
    found = switches(catalogue.providers, settings, os.environ)
    on = {slug for slug, switch in found.items() if switch.account}
    rows = model_rows(catalogue, on, everything)
    if as_json:
        show_json(rows)
    else:
        show(models_table(rows))


@app.command()
def quote(
    model: Annotated[str, typer.Option("--model", "-m", help="Model, by slug or alias.")],
    size: Annotated[str | None, typer.Option(help="WIDTHxHEIGHT in pixels.")] = None,
    resolution: Annotated[str | None, typer.Option(help="Size class: 1K, 2K, 4K.")] = None,
    quality: Annotated[str | None, typer.Option(help="low, medium, high.")] = None,
    n: Annotated[int, typer.Option(help="Pictures.")] = 1,
    refs: Annotated[list[str] | None, typer.Option(help="Size of a reference picture; may be repeated.")] = None,
    data: Data = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """What a picture would cost at each provider, before any call."""
    from penstock.catalogue.configured import configured
    from penstock.commands.rows import quote_rows
    from penstock.commands.tables import quote_table, show

    catalogue = configured(load(config, data=str(data) if data else None))
    rows = quote_rows(catalogue, model, size=size, resolution=resolution, quality=quality, n=n, references=refs or [])
    if as_json:
        show_json(rows)
    else:
        show(quote_table(rows))


@app.command()
def generate(
    prompt: Annotated[str, typer.Argument(help="What to draw.")],
    model: Annotated[str, typer.Option("--model", "-m", help="Model, by slug or alias.")] = "sandbox/image",
    out: Annotated[Path, typer.Option("--out", "-o", help="File to write; more pictures are numbered.")] = Path(
        "out.png"
    ),
    size: Annotated[str | None, typer.Option(help="WIDTHxHEIGHT in pixels.")] = None,
    n: Annotated[int, typer.Option(help="Pictures.")] = 1,
    seed: Annotated[int | None, typer.Option(help="Same seed, same picture, where the model takes one.")] = None,
    ref: Annotated[list[Path] | None, typer.Option(help="Reference picture to edit; may be repeated.")] = None,
    url: Annotated[str | None, typer.Option(help="A running gateway.", envvar="PENSTOCK_URL")] = None,
    key: Annotated[str | None, typer.Option(help="Its key.", envvar="PENSTOCK_API_KEY")] = None,
    data: Data = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Make a picture: at a running gateway (--url, --key), else by one started for it on the data directory."""
    from penstock.commands.generate import Wish, generate_pictures

    wish = Wish(model=model, prompt=prompt, size=size, n=n, seed=seed, references=tuple(ref or ()), out=out)
    made = generate_pictures(wish, url, key, lambda: load(config, data=str(data) if data else None))
    if as_json:
        show_json(made.facts())
    else:
        typer.echo(made.sentence())
