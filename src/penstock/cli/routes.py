"""`penstock routes`: how requests would be routed."""

from pathlib import Path
from typing import Annotated

import typer

from penstock.cli.options import AsJson, Config, Data, settings_of, show_json
from penstock.core.errors import BadRequest

app = typer.Typer(no_args_is_help=True, help="How requests are routed.")


@app.command()
def test(
    request: Annotated[Path, typer.Argument(help="File with a request's body, as JSON.")],
    header: Annotated[
        list[str] | None, typer.Option("--header", "-H", help="Request header, as NAME: VALUE; may be repeated.")
    ] = None,
    url: Annotated[str | None, typer.Option(help="A running gateway.", envvar="PENSTOCK_URL")] = None,
    key: Annotated[str | None, typer.Option(help="Its key.", envvar="PENSTOCK_API_KEY")] = None,
    data: Data = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Who would be asked for a request, in which order and why. Nobody is called."""
    from penstock.commands.routes import explanation
    from penstock.commands.routes_table import routes_lines

    found = explanation(request, dict(map(_pair, header or [])), url, key, lambda: settings_of(config, data))
    if as_json:
        show_json(found)
    else:
        routes_lines(found)


def _pair(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon or not name.strip():
        raise BadRequest(f"A header is written as NAME: VALUE, not {text!r}.")
    return name.strip(), value.strip()
