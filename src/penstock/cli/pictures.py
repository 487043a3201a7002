"""`penstock generate`: pictures from the command line."""

from pathlib import Path
from typing import Annotated

import typer

from penstock.cli.options import AsJson, Config, Data, settings_of, show_json


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
    made = generate_pictures(wish, url, key, lambda: settings_of(config, data))
    if as_json:
        show_json(made.facts())
    else:
        typer.echo(made.sentence())
