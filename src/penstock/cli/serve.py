"""`penstock serve`: the gateway as a process, with its greeting."""

import os
import sys
from functools import partial
from typing import Annotated

import typer

from penstock import __version__
from penstock.cli.options import Config, Data, now_ms, open_books
from penstock.settings import Settings, load


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
    watched = (config, partial(load, config)) if config else None
    application = build(settings, os.environ, watched=watched)
    _greet(settings, _first_key(settings))
    run(application, settings)


def _first_key(settings: Settings) -> str | None:
    """The administrator's key, made where there never was one; it is shown once and kept as a hash."""
    from penstock.core.principal import Scope
    from penstock.store.keys import NewKey, create_key, list_keys

    with open_books(settings) as books:
        if any(Scope.ADMIN in key.scopes for key in books.read(list_keys)):
            return None
        return books.change(lambda c: create_key(c, NewKey("administrator", [Scope.ADMIN]), now_ms()))[1]


def _greet(settings: Settings, key: str | None) -> None:
    host = f"[{settings.server.host}]" if ":" in settings.server.host else settings.server.host
    address = settings.server.public_url or f"http://{host}:{settings.server.port}"
    typer.echo(f"Penstock {__version__} at {address}  (open it in a browser; the API is described at {address}/docs)")
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
