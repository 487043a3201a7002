"""`penstock organisations`, `penstock teams` and `penstock users`: whose keys there are."""

from typing import Annotated

import typer

from penstock.cli.options import AsJson, Config, Data, now_ms, open_books, settings_of, show_one, show_rows

Which = Annotated[str, typer.Argument(help="Id or name.")]
Name = Annotated[str, typer.Option(help="Its name.")]
Archived = Annotated[bool, typer.Option("--all", help="Archived ones too.")]

organisations = typer.Typer(help="Organisations: the highest level that keys belong to.", no_args_is_help=True)


@organisations.command("create")
def create_organisation(name: Name, data: Data = None, config: Config = None, as_json: AsJson = False) -> None:
    """Make an organisation."""
    from penstock.commands.values import row_of
    from penstock.store import people

    with open_books(settings_of(config, data)) as books:
        row = row_of(books.change(lambda c: people.create_organisation(c, name, now_ms())))
    show_one(row, as_json, f"{row['name']} is organisation {row['id']}.")


@organisations.command("list")
def list_organisations(
    data: Data = None, config: Config = None, everything: Archived = False, as_json: AsJson = False
) -> None:
    """The organisations, by name."""
    from penstock.commands.admin_tables import organisations_table
    from penstock.commands.people import organisation_rows

    with open_books(settings_of(config, data)) as books:
        rows = books.read(lambda c: organisation_rows(c, everything))
    show_rows(rows, as_json, organisations_table)


@organisations.command("rename")
def rename_organisation(
    which: Which, name: Name, data: Data = None, config: Config = None, as_json: AsJson = False
) -> None:
    """Give an organisation another name."""
    from penstock.commands.values import row_of
    from penstock.store import people

    with open_books(settings_of(config, data)) as books:
        row = row_of(books.change(lambda c: people.rename_organisation(c, which, name)))
    show_one(row, as_json, f"Organisation {row['id']} is called {row['name']}.")


@organisations.command("archive")
def archive_organisation(which: Which, data: Data = None, config: Config = None, as_json: AsJson = False) -> None:
    """Refuse its keys, and those of its teams and users, from now on. The ledger keeps what they did."""
    from penstock.commands.values import row_of
    from penstock.store import people

    with open_books(settings_of(config, data)) as books:
        row = row_of(books.change(lambda c: people.archive_organisation(c, which, now_ms())))
    show_one(row, as_json, f"{row['name']} is archived; its keys are refused.")


def _members(noun: str, about: str) -> typer.Typer:
    """The commands of teams, or those of users: they do the same."""
    app = typer.Typer(help=about, no_args_is_help=True)

    @app.command("create", help=f"Make a {noun}.")
    def create(
        name: Name,
        organisation: Annotated[str, typer.Option(help="Its organisation, by id or name.")],
        data: Data = None,
        config: Config = None,
        as_json: AsJson = False,
    ) -> None:
        from penstock.commands.people import MEMBERS
        from penstock.commands.values import row_of

        with open_books(settings_of(config, data)) as books:
            row = row_of(books.change(lambda c: MEMBERS[noun].create(c, organisation, name, now_ms())))
        show_one(row, as_json, f"{row['name']} is {noun} {row['id']}.")

    @app.command("list", help=f"The {noun}s, by organisation and name.")
    def list_all(
        organisation: Annotated[str | None, typer.Option(help="Only those of this one, by id or name.")] = None,
        data: Data = None,
        config: Config = None,
        everything: Archived = False,
        as_json: AsJson = False,
    ) -> None:
        from penstock.commands.admin_tables import members_table
        from penstock.commands.people import member_rows

        with open_books(settings_of(config, data)) as books:
            rows = books.read(lambda c: member_rows(c, noun, organisation, everything))
        show_rows(rows, as_json, members_table)

    @app.command("rename", help=f"Give a {noun} another name.")
    def rename(which: Which, name: Name, data: Data = None, config: Config = None, as_json: AsJson = False) -> None:
        from penstock.commands.people import MEMBERS
        from penstock.commands.values import row_of

        with open_books(settings_of(config, data)) as books:
            row = row_of(books.change(lambda c: MEMBERS[noun].rename(c, which, name)))
        show_one(row, as_json, f"{noun.capitalize()} {row['id']} is called {row['name']}.")

    @app.command("archive", help=f"Refuse the keys of a {noun} from now on. The ledger keeps what they did.")
    def archive(which: Which, data: Data = None, config: Config = None, as_json: AsJson = False) -> None:
        from penstock.commands.people import MEMBERS
        from penstock.commands.values import row_of

        with open_books(settings_of(config, data)) as books:
            row = row_of(books.change(lambda c: MEMBERS[noun].archive(c, which, now_ms())))
        show_one(row, as_json, f"{row['name']} is archived; the keys of this {noun} are refused.")

    return app


teams = _members("team", "Teams in organisations.")
users = _members("user", "Users in organisations.")
