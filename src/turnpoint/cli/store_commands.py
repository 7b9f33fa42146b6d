"""The web app's store: check its trail, back it up and restore it, say who may do what."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from turnpoint.cli.serve_command import DatabaseOption, DataOption, configuration_of
from turnpoint.errors import counted

DATA = Path("turnpoint-data")

audit = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="The trail of every change.")
access = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="Who of a team may see or change which study."
)

PersonArgument = Annotated[
    str, typer.Argument(metavar="PERSON", help="As `turnpoint access list` names them.")
]
StudyOption = Annotated[
    list[str], typer.Option("--study", metavar="ID", help="As in the study's address; may be repeated.")
]


@audit.command("verify")
def verify(
    *,
    data: DataOption = DATA,
    database: DatabaseOption = None,
    last_hash: Annotated[
        str | None,
        typer.Option("--last-hash", metavar="HASH", help="One that was printed before; it must be there."),
    ] = None,
) -> None:
    """Check that no line of the trail was altered, removed or put in, and that the rows are what it says."""
    _open(data, database)
    from turnpoint.app.trail import verify as run

    found = run(last_hash)
    for fault in found.broken:
        typer.echo(f"broken: {fault}")
    if found.broken:
        raise typer.Exit(1)
    typer.echo(f"{found.lines} lines, none altered. Last hash: {found.last_hash or 'none'}")


def backup(
    out: Annotated[Path, typer.Argument(metavar="OUT", help="File to write, for example store.jsonl.gz.")],
    *,
    data: DataOption = DATA,
    database: DatabaseOption = None,
) -> None:
    """Write the whole store to one file, while it is served."""
    _open(data, database)
    from turnpoint.app.backup import backup as run

    typer.echo(f"{out.name}: {counted(run(out), 'record')}")


def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What `turnpoint backup` wrote.")],
    *,
    data: DataOption = DATA,
    database: DatabaseOption = None,
) -> None:
    """Read a backup into an empty store, of the same kind or the other."""
    _open(data, database)
    from turnpoint.app.backup import restore as run

    typer.echo(f"{counted(run(file), 'record')}, the trail whole")


@access.command("list")
def list_access(*, data: DataOption = DATA, database: DatabaseOption = None) -> None:
    """Who signed in, what their provider says they are, and their studies."""
    _open(data, database)
    from turnpoint.app.access import people

    for person in people():
        typer.echo(f"{person.name}: {person.most}")
        for study, role in person.studies:
            typer.echo(f"  {study}: {role}")


@access.command("give")
def give(
    person: PersonArgument,
    role: Annotated[str, typer.Argument(metavar="ROLE", help="viewer or editor.")],
    study: StudyOption,
    *,
    data: DataOption = DATA,
    database: DatabaseOption = None,
) -> None:
    """Let a person see (viewer) or change (editor) studies; they have to have signed in once."""
    _open(data, database)
    from turnpoint.app.access import give as run

    run(person, role, study)
    typer.echo(f"{person}: {role} of {counted(len(study), 'study', 'studies')}")


@access.command("take")
def take(
    person: PersonArgument, study: StudyOption, *, data: DataOption = DATA, database: DatabaseOption = None
) -> None:
    """Take a person's access to studies away; it holds at once."""
    _open(data, database)
    from turnpoint.app.access import take as run

    run(person, study)
    typer.echo(f"{person}: no more of {counted(len(study), 'study', 'studies')}")


def _open(data: Path, database: str | None) -> None:
    configuration = configuration_of(data, database)
    from turnpoint.app.server import prepared

    prepared(configuration)
