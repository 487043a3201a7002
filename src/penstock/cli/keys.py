"""`penstock keys`: the keys that callers send."""

from typing import Annotated

import typer

from penstock.cli.options import AsJson, Config, Data, now_ms, open_books, settings_of, show_one, show_rows
from penstock.core.errors import BadRequest
from penstock.core.spending import Period

app = typer.Typer(help="Keys that callers send.", no_args_is_help=True)

Which = Annotated[str, typer.Argument(help="Id, name or hint of the key.")]
Models = Annotated[
    list[str] | None, typer.Option(help="Model it may call, or a pattern such as 'openai/*'; may be repeated.")
]
Providers = Annotated[list[str] | None, typer.Option(help="Provider it may call, or a pattern; may be repeated.")]
Addresses = Annotated[list[str] | None, typer.Option(help="Address or network it may be used from; may be repeated.")]
Expires = Annotated[str | None, typer.Option(help="When it ends: 30d, a date, or never.")]
Scopes = Annotated[str | None, typer.Option(help="What it may do: inference, read, admin, with commas.")]

_USUAL_SCOPES = "inference,read"


@app.command("create")
def create_key(
    name: Annotated[str, typer.Option(help="What the key is for.")],
    budget: Annotated[str | None, typer.Option(help="US dollars it may spend.")] = None,
    period: Annotated[Period | None, typer.Option(help="In how long; in total, by default.")] = None,
    soft: Annotated[bool, typer.Option("--soft", help="The budget warns; it refuses nothing.")] = False,
    organisation: Annotated[str | None, typer.Option(help="Whose key it is, by id or name.")] = None,
    team: Annotated[str | None, typer.Option(help="Likewise; it brings its organisation along.")] = None,
    user: Annotated[str | None, typer.Option(help="Likewise.")] = None,
    models: Models = None,
    providers: Providers = None,
    addresses: Addresses = None,
    expires: Expires = None,
    scopes: Scopes = None,
    admin: Annotated[bool, typer.Option("--admin", help="The same as --scopes admin.")] = False,
    data: Data = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Make a key. It is shown once and kept as a hash."""
    from penstock.commands.given import amount, expiry, listed, words
    from penstock.commands.keys import KeyBudget, made_key
    from penstock.store.keys import NewKey

    if budget is None and (period or soft):
        raise BadRequest("`--period` and `--soft` are about a budget: say how much with `--budget`.")
    if admin and scopes is not None:
        raise BadRequest("Say `--admin` or `--scopes`, not both.")
    now = now_ms()
    terms = KeyBudget(amount(budget, "--budget"), period or Period.TOTAL, not soft) if budget else None
    new = NewKey(
        name,
        ["admin"] if admin else words(_USUAL_SCOPES if scopes is None else scopes),
        organisation=organisation,
        team=team,
        user=user,
        models=listed(models) or (),
        providers=listed(providers) or (),
        addresses=listed(addresses) or (),
        expires_at=expiry(expires, now) if expires else None,
    )
    with open_books(settings_of(config, data)) as books:
        row = books.change(lambda c: made_key(c, new, terms, now))
    show_one(row, as_json, f"{row['key']}\n\nShown this once. `penstock keys revoke {row['id']}` ends it.")


@app.command("list")
def list_keys(
    data: Data = None,
    config: Config = None,
    everything: Annotated[bool, typer.Option("--all", help="Revoked keys too.")] = False,
    as_json: AsJson = False,
) -> None:
    """The keys by their hints, with what is left of their budgets."""
    from penstock.commands.admin_tables import keys_table
    from penstock.commands.keys import key_rows

    with open_books(settings_of(config, data)) as books:
        rows = books.read(lambda c: key_rows(c, now_ms(), revoked=everything))
    show_rows(rows, as_json, keys_table)


@app.command("show")
def show_key(which: Which, data: Data = None, config: Config = None, as_json: AsJson = False) -> None:
    """Everything about a key but its secret."""
    from penstock.commands.admin_tables import key_table
    from penstock.commands.keys import one_key

    with open_books(settings_of(config, data)) as books:
        row = books.read(lambda c: one_key(c, which, now_ms()))
    show_rows(row, as_json, key_table)


@app.command("change")
def change_key(
    which: Which,
    name: Annotated[str | None, typer.Option(help="Another name.")] = None,
    models: Models = None,
    providers: Providers = None,
    addresses: Addresses = None,
    expires: Expires = None,
    scopes: Scopes = None,
    data: Data = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Change what is named; an empty text lets it call all models or providers, or be used from anywhere."""
    from penstock.commands.given import expiry, listed, words
    from penstock.commands.keys import key_row
    from penstock.store import keys
    from penstock.store.keys import Changes

    now, changes = now_ms(), Changes()
    if name is not None:
        changes["name"] = name
    if models is not None:
        changes["models"] = listed(models) or ()
    if providers is not None:
        changes["providers"] = listed(providers) or ()
    if addresses is not None:
        changes["addresses"] = listed(addresses) or ()
    if scopes is not None:
        changes["scopes"] = words(scopes)
    if expires is not None:
        changes["expires_at"] = expiry(expires, now)
    if not changes:
        raise BadRequest("Nothing to change: name it, as in `--name website` or `--expires 30d`.")
    with open_books(settings_of(config, data)) as books:
        row = books.change(lambda c: key_row(c, keys.change_key(c, which, now, **changes), now))
    show_one(row, as_json, f"{row['name']} ({row['hint']}) is changed.")


@app.command("rotate")
def rotate_key(
    which: Which,
    overlap: Annotated[str, typer.Option(help="How long the old secret works too: 24h, 7d.")] = "0s",
    data: Data = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Give a key a new secret. It stays the same key, with its restrictions, budgets and history."""
    from penstock.commands.given import seconds
    from penstock.commands.keys import key_row
    from penstock.store import keys

    now, overlap_seconds = now_ms(), seconds(overlap, "--overlap")
    with open_books(settings_of(config, data)) as books:
        key, secret = books.change(lambda c: keys.rotate_key(c, which, overlap_seconds, now))
        row = {"key": secret, **books.read(lambda c: key_row(c, key, now))}
    old = f"The old one works until {row['previous_until']:%Y-%m-%d %H:%M:%S} UTC." if overlap_seconds else ""
    show_one(row, as_json, f"{secret}\n\nShown this once. {old or 'The old one no longer works.'}")


@app.command("revoke")
def revoke_key(which: Which, data: Data = None, config: Config = None, as_json: AsJson = False) -> None:
    """End a key with all its secrets. A running gateway refuses its very next request."""
    from penstock.commands.keys import key_row
    from penstock.store import keys

    now = now_ms()
    with open_books(settings_of(config, data)) as books:
        row = books.change(lambda c: key_row(c, keys.revoke_key(c, which, now), now))
    show_one(row, as_json, f"{row['name']} ({row['hint']}) is revoked.")
