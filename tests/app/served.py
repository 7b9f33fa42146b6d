"""A server as its users have it: `turnpoint serve` in a process of its own, asked over HTTP."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
import urllib.error
import urllib.request
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ADDRESS = re.compile(r"(http://\S+)/\?token=(\S+)")


@dataclass
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def etag(self) -> str:
        return self.headers["etag"]


@dataclass
class Served:
    """A server that runs, and its token."""

    process: subprocess.Popen[str]
    base: str
    token: str
    said: list[str]
    listener: threading.Thread

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        headers: dict[str, str] | None = None,
        token: str | None = "",
    ) -> Answer:
        """One request; `token` None sends none."""
        sent = dict(headers or {})
        if token is not None:
            sent["Authorization"] = f"Bearer {token or self.token}"
        data = body
        if body is not None and not isinstance(body, bytes):
            data, sent["Content-Type"] = json.dumps(body).encode(), "application/json"
        request = urllib.request.Request(self.base + path, data=data, method=method, headers=sent)
        opener = urllib.request.build_opener(_NoRedirect)
        try:
            with opener.open(request, timeout=300) as answer:
                return Answer(answer.status, _low(answer.headers), answer.read())
        except urllib.error.HTTPError as error:
            return Answer(error.code, _low(error.headers), error.read())

    def get(self, path: str, **given: Any) -> Answer:
        return self.ask("GET", path, **given)

    def post(self, path: str, body: Any, **given: Any) -> Answer:
        return self.ask("POST", path, body, **given)

    def upload(
        self,
        files: dict[str, bytes],
        path: str = "/api/v1/studies",
        *,
        fields: dict[str, str] | None = None,
        **given: Any,
    ) -> Answer:
        edge = uuid.uuid4().hex
        parts = [
            f'--{edge}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{text}\r\n'.encode()
            for name, text in (fields or {}).items()
        ]
        parts += [
            f'--{edge}\r\nContent-Disposition: form-data; name="files"; filename="{name}"\r\n'
            "Content-Type: application/octet-stream\r\n\r\n".encode()
            + content
            + b"\r\n"
            for name, content in files.items()
        ]
        body = b"".join(parts) + f"--{edge}--\r\n".encode()
        headers = {"Content-Type": f"multipart/form-data; boundary={edge}"} | given.pop("headers", {})
        return self.ask("POST", path, body, headers=headers, **given)

    def stop(self, how: int = signal.SIGINT) -> None:
        if self.process.poll() is None:
            self.process.send_signal(how)
            self.process.wait(30)
        for stream in (self.process.stdout, self.process.stderr):
            if stream is not None and not stream.closed:
                self.listener.join(5)
                stream.close()


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


def _low(headers: Any) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def start(folder: Path, *options: str, port: int = 0, env: dict[str, str] | None = None) -> Served:
    """Start a server and wait until it is ready."""
    command = [
        sys.executable,
        "-m",
        "turnpoint",
        "serve",
        "--data",
        str(folder),
        "--port",
        str(port),
        "--no-browser",
    ]
    process = subprocess.Popen(
        [*command, *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONUNBUFFERED": "1"} | (env or {}),
    )
    assert process.stdout is not None
    assert process.stderr is not None
    line = process.stdout.readline()
    found = ADDRESS.match(line)
    if found is None:
        process.kill()
        raise AssertionError(f"no address, but {line!r} {process.stderr.read()}")
    said: list[str] = []
    stream = process.stderr
    listener = threading.Thread(target=lambda: said.extend(iter(stream.readline, "")), daemon=True)
    listener.start()
    return Served(process, found[1], found[2], said, listener)


def folder_of(name: str) -> dict[str, bytes]:
    """The files of a bundled study."""
    from importlib import resources

    place = Path(str(resources.files("turnpoint"))) / "datasets" / name
    return {path.name: path.read_bytes() for path in sorted(place.iterdir()) if path.suffix == ".csv"}


SMALL = {
    "lesions.csv": (
        "patient_id,day,lesion_id,role,site,diameter_mm,status\n"
        + "".join(
            f"Ann Secret,{56 * visit},T1,target,liver,{mm},measured\n"
            for visit, mm in enumerate((60, 50, 42, 37))
        )
        + "".join(f"B2,{42 * visit},T1,target,lung,{mm},measured\n" for visit, mm in enumerate((40, 41, 43)))
    ).encode(),
    "patients.csv": b"patient_id,tumour_type\nAnn Secret,metastatic colorectal cancer\nB2,NSCLC\n",
}
