"""A PostgreSQL server of the tests' own: Debian's binaries, a cluster in a folder of its own, gone afterwards."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

BINARIES = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda place: int(place.parent.name))
MISSING = (
    None
    if BINARIES and shutil.which("setpriv")
    else "PostgreSQL is not installed (apt-get install postgresql)"
)


@contextmanager
def cluster() -> Iterator[str]:
    """Its address, without the name of a database; as `postgres` where we are root, whom PostgreSQL refuses."""
    folder = Path(tempfile.mkdtemp(prefix="turnpoint-pg-"))
    as_owner: list[str] = []
    if os.geteuid() == 0:
        owner = pwd.getpwnam("postgres")
        os.chown(folder, owner.pw_uid, owner.pw_gid)
        as_owner = ["setpriv", f"--reuid={owner.pw_uid}", f"--regid={owner.pw_gid}", "--clear-groups"]
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    binaries, data = BINARIES[-1], folder / "data"

    def run(*command: str) -> None:
        done = subprocess.run(
            [*as_owner, *command],
            cwd="/",
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=180,
            check=False,
        )
        assert done.returncode == 0, done.stdout

    run(f"{binaries}/initdb", "-D", str(data), "-U", "turnpoint", "-A", "trust", "-E", "UTF8", "--no-sync")
    options = (
        f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder} -c max_connections=300"
    )
    log = folder / "log"
    try:
        run(f"{binaries}/pg_ctl", "-D", str(data), "-l", str(log), "-o", options, "-w", "-t", "120", "start")
        yield f"postgresql://turnpoint@127.0.0.1:{port}"
    finally:
        subprocess.run(
            [*as_owner, f"{binaries}/pg_ctl", "-D", str(data), "-m", "immediate", "stop"],
            cwd="/",
            stdout=subprocess.DEVNULL,
            check=False,
        )
        shutil.rmtree(folder, ignore_errors=True)


def database(address: str, name: str) -> str:
    """A new, empty database of the cluster; its URL."""
    import psycopg

    with psycopg.connect(f"{address}/postgres", autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"'.encode())
    return f"{address}/{name}"
