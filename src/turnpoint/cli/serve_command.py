"""The web app: serve it."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from turnpoint.errors import MissingExtraError, UsageError

if TYPE_CHECKING:
    from turnpoint.app.configuration import Configuration

DATABASE_IN_ENVIRONMENT = "TURNPOINT_DATABASE"

DataOption = Annotated[
    Path,
    typer.Option(
        "--data",
        metavar="DIR",
        help="Folder of the store; only its owner may look into it. Made if it is not there.",
    ),
]
DatabaseOption = Annotated[
    str | None,
    typer.Option(
        "--database",
        metavar="URL",
        help="PostgreSQL, postgresql://USER@HOST/NAME (or TURNPOINT_DATABASE); by default a file in --data.",
    ),
]


def serve(
    *,
    data: DataOption = Path("turnpoint-data"),
    port: Annotated[
        int, typer.Option("--port", min=0, max=65535, help="Port; 0 takes one that is free.")
    ] = 8765,
    host: Annotated[
        str, typer.Option("--host", help="Address to listen on; by default this computer alone.")
    ] = "127.0.0.1",
    name: Annotated[
        list[str] | None,
        typer.Option(
            "--name", metavar="HOST", help="A host name under which it may be called; may be repeated."
        ),
    ] = None,
    database: DatabaseOption = None,
    notebook: Annotated[
        bool, typer.Option("--notebook", help="The patient's notebook, not the clinic's desk.")
    ] = False,
    browser: Annotated[
        bool, typer.Option("--browser/--no-browser", help="Open a browser when it is ready.")
    ] = True,
) -> None:
    """Serve the web app on this computer, and print its address when it is ready."""
    configuration = configuration_of(
        data, database, port=port, host=host, names=tuple(name or ()), notebook=notebook
    )
    from turnpoint.app.server import serve as run

    def ready(address: str) -> None:
        typer.echo(address)
        sys.stdout.flush()
        if browser:
            typer.launch(address)

    try:
        run(configuration, ready)
    except KeyboardInterrupt:
        typer.echo("Stopped.", err=True)


def configuration_of(
    data: Path,
    database: str | None,
    *,
    port: int = 0,
    host: str = "127.0.0.1",
    names: tuple[str, ...] = (),
    notebook: bool = False,
) -> Configuration:
    """What the server is told.

    Raises:
        UsageError: `--data` is a file, or its `turnpoint.toml` means nothing.
        MissingExtraError: the extra is not installed.
    """
    if data.exists() and not data.is_dir():
        raise UsageError(f"--data {data.name}: is a file. Name a folder.")
    try:
        from turnpoint.app.configuration import Configuration
        from turnpoint.app.team import team_of
    except ImportError as error:
        raise MissingExtraError(
            "serve: the app's libraries are not installed. Run: pip install 'turnpoint[app]'"
        ) from error
    return Configuration(
        data=data.resolve(),
        host=host,
        port=port,
        database=database or os.environ.get(DATABASE_IN_ENVIRONMENT),
        notebook=notebook,
        names=names,
        team=team_of(data),
    )
