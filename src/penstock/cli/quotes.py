"""`penstock quote`: what a request would cost."""

import os
from pathlib import Path
from typing import Annotated

import typer

from penstock.cli.options import AsJson, Config, Data, settings_of, show_json
from penstock.core.call import Operation


def quote(
    model: Annotated[str, typer.Option("--model", "-m", help="Model, by slug or alias.")],
    operation: Annotated[
        Operation | None, typer.Option(help="What is asked for; by default what the model does.")
    ] = None,
    size: Annotated[str | None, typer.Option(help="WIDTHxHEIGHT in pixels.")] = None,
    resolution: Annotated[str | None, typer.Option(help="Size class: 1K, 2K, 4K.")] = None,
    quality: Annotated[str | None, typer.Option(help="low, medium, high.")] = None,
    n: Annotated[int, typer.Option("--n", "-n", min=1, max=10, help="Pictures.")] = 1,
    refs: Annotated[list[str] | None, typer.Option(help="Size of a reference picture; may be repeated.")] = None,
    ref: Annotated[list[Path] | None, typer.Option(help="Reference picture, measured; may be repeated.")] = None,
    input_tokens: Annotated[int, typer.Option(min=0, max=200_000, help="Tokens of text sent.")] = 0,
    output_tokens: Annotated[int, typer.Option(min=0, max=16_000, help="Tokens of text answered.")] = 0,
    requests_per_day: Annotated[
        int | None, typer.Option(min=0, max=1_000_000, help="Shows what a day and a month come to.")
    ] = None,
    data: Data = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """What a request would cost at each provider, before any call."""
    from penstock.catalogue.configured import configured
    from penstock.commands.rows import picture_in, picture_of_size, quote_rows, workload_of, workload_rows
    from penstock.commands.tables import quote_table, show
    from penstock.upstream.credentials import switches

    settings = settings_of(config, data)
    catalogue = configured(settings)
    on = {slug for slug, switch in switches(catalogue.providers, settings, os.environ).items() if switch.account}
    pictures = [*map(picture_of_size, refs or []), *map(picture_in, ref or [])]
    fields = {
        "model": model,
        "operation": operation,
        "images": n,
        "size": size,
        "resolution": resolution,
        "quality": quality,
        "input_tokens": input_tokens,
        "output_tokens": output_tokens,
        "requests_per_day": requests_per_day,
    }
    rows_of = quote_rows if requests_per_day is None else workload_rows
    rows = rows_of(catalogue, on, workload_of(catalogue, fields, bool(pictures)), pictures)
    if as_json:
        show_json(rows)
    else:
        show(quote_table(rows))
