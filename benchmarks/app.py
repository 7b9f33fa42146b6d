"""How fast the app answers: `turnpoint serve` with 5,000 patients, asked over HTTP and in a browser.

Starts a server on a new store, brings a made-up trial and one patient with 40 visits, waits until the list is worked
out, and times each step: the best, the median and the worst of several. Usage: python benchmarks/app.py [PATIENTS]
[OUT.md]; with a Chromium at /usr/bin/chromium (or CHROMIUM) the same steps in the browser, too.
"""

from __future__ import annotations

import http.client
import json
import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT)]

from tests.app.served import Served, start  # noqa: E402  (from this tree, wherever the script is called)

PATIENTS = 5000
REPETITIONS = 15
CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
HEADER = "patient_id,day,lesion_id,role,site,diameter_mm,status\n"
GOALS = {  # seconds, but for the memory
    "ready": 3.0,
    "Today, first": 0.3,
    "Today": 0.3,
    "Today, a search": 0.3,
    "patient, 40 visits, first view": 0.8,
    "patient, 40 visits, again": 0.3,
    "a visit stored and its verdict shown": 1.0,
}
MEMORY_MIB = 600


def trial(patients: int) -> bytes:
    """Five visits and two lesions a patient: down, flat, up, by turns."""
    rows = []
    for patient in range(patients):
        for visit in range(5):
            for lesion in ("T1", "T2"):
                size = 50.0 * (0.8**visit if patient % 3 == 0 else 1.0 if patient % 3 == 1 else 1.1**visit)
                rows.append(f"P{patient:05d},{56 * visit},{lesion},target,liver,{size:.1f},measured\n")
    return (HEADER + "".join(rows)).encode()


def long_course() -> bytes:
    """One patient with 40 visits: a response, a plateau, a slow regrowth."""
    sizes = [60.0 * 0.9**visit if visit < 12 else 17.0 * 1.02 ** max(visit - 20, 0) for visit in range(40)]
    rows = (f"L1,{28 * day},T1,target,liver,{mm:.1f},measured\n" for day, mm in enumerate(sizes))
    return (HEADER + "".join(rows)).encode()


def seconds(step: Callable[[], object]) -> float:
    begun = time.perf_counter()
    step()
    return time.perf_counter() - begun


class Person:
    """Somebody who asks on one connection that is kept, as a browser keeps it."""

    def __init__(self, server: Served) -> None:
        self.server = server
        self.connection = http.client.HTTPConnection(server.base.removeprefix("http://"), timeout=120)

    def ask(self, method: str, path: str, body: object = None) -> bytes:
        """The answer's content; a refusal ends the benchmark."""
        headers = {"Authorization": f"Bearer {self.server.token}"}
        sent = None
        if isinstance(body, str):
            sent, headers["Content-Type"] = body, "application/x-www-form-urlencoded"
        elif body is not None:
            sent, headers["Content-Type"] = json.dumps(body), "application/json"
        self.connection.request(method, path, sent, headers)
        answer = self.connection.getresponse()
        content = answer.read()
        if answer.status >= 400:
            raise SystemExit(f"{method} {path}: {answer.status} {content[:300]!r}")
        return content


def patient_of(server: Served, study: str) -> str:
    return str(server.get(f"/api/v1/studies/{study}/patients?limit=1").json()["items"][0]["id"])


def wait_for_the_list(server: Served, study: str, patients: int) -> float:
    def is_done() -> bool:
        last = server.get(f"/api/v1/studies/{study}/patients?offset=0&limit=1000").json()["items"]
        rest = server.get(
            f"/api/v1/studies/{study}/patients?offset={max(patients - 1000, 0)}&limit=1000"
        ).json()
        return all(one["line"] for one in (*last, *rest["items"]))

    begun = time.perf_counter()
    while not is_done():
        if time.perf_counter() - begun > 1800:
            raise SystemExit("the list was not worked out within half an hour")
        time.sleep(2)
    return time.perf_counter() - begun


def processor_seconds(server: Served) -> float:
    """What the server's process has used; other work on the machine does not change it much."""
    fields = Path(f"/proc/{server.process.pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def page_processor_seconds(server: Served, patient: str) -> float:
    """Of one page of a patient that has been looked at before."""
    person = Person(server)
    begun = processor_seconds(server)
    for _ in range(REPETITIONS):
        person.ask("GET", f"/p/{patient}")
    return (processor_seconds(server) - begun) / REPETITIONS


def over_http(server: Served, study: str, patient: str) -> dict[str, list[float]]:
    person, day = Person(server), 28 * 39
    times = {"Today, first": [seconds(lambda: person.ask("GET", "/"))]}
    times["Today"] = [seconds(lambda: person.ask("GET", "/")) for _ in range(REPETITIONS)]
    times["Today, a search"] = [
        seconds(lambda: person.ask("POST", "/", "q=P0123")) for _ in range(REPETITIONS)
    ]
    page = f"/p/{patient}"
    times["patient, 40 visits, first view"] = [seconds(lambda: person.ask("GET", page))]
    times["patient, 40 visits, again"] = [
        seconds(lambda: person.ask("GET", page)) for _ in range(REPETITIONS)
    ]
    stored = []
    for number in range(5):
        lesion = {"lesion_id": "T1", "role": "target", "diameter_mm": 26 + number, "status": "measured"}
        visit = {"day": day + 28 * (number + 1), "lesions": [lesion]}

        def store(visit: object = visit) -> None:
            person.ask("POST", f"/api/v1/studies/{study}/patients/{patient}/visits", visit)
            person.ask("GET", page)

        stored.append(seconds(store))
    times["a visit stored and its verdict shown"] = stored
    return times


def in_the_browser(server: Served, patient: str) -> dict[str, list[float]]:
    """Until the page is there, charts drawn."""
    times: dict[str, list[float]] = {}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.goto(f"{server.base}/?token={server.token}")

        def today() -> None:
            page.goto(f"{server.base}/")
            page.wait_for_selector("ul.patients li")

        def shown() -> None:
            page.goto(f"{server.base}/p/{patient}")
            page.wait_for_selector("[data-drawn] svg")

        times["Today"] = [seconds(today) for _ in range(5)]
        times["patient, 40 visits, again"] = [seconds(shown) for _ in range(5)]
        page.goto(f"{server.base}/p/{patient}/visit")
        page.fill("[name=day]", "1400")
        page.locator("[name=diameter_mm]").first.fill("40")

        def store() -> None:
            page.locator("main form button:not([type=button])").last.click()
            page.wait_for_url(f"**/p/{patient}")
            page.wait_for_selector("[data-drawn] svg")

        times["a visit stored and its verdict shown"] = [seconds(store)]
        browser.close()
    return times


def memory_mib(server: Served) -> tuple[float, float]:
    """Now, and at its highest; the process that reads files is its own."""
    said = Path(f"/proc/{server.process.pid}/status").read_text(encoding="ascii")
    found = dict(line.split(":", 1) for line in said.splitlines())
    return tuple(int(found[name].split()[0]) / 1024 for name in ("VmRSS", "VmHWM"))  # type: ignore[return-value]


def table(times: dict[str, list[float]]) -> str:
    lines = ["| step | best s | median s | worst s | goal s | median within |", "|---|---|---|---|---|---|"]
    for step, taken in times.items():
        middle = statistics.median(taken)
        verdict = "yes" if middle < GOALS[step] else "**no**"
        lines.append(
            f"| {step} | {min(taken):.3f} | {middle:.3f} | {max(taken):.3f} | {GOALS[step]:g} | {verdict} |"
        )
    return "\n".join(lines)


def main() -> None:
    patients = int(sys.argv[1]) if len(sys.argv) > 1 else PATIENTS
    load = os.getloadavg()
    with tempfile.TemporaryDirectory() as folder:
        ready = []
        for _ in range(3):
            begun = time.perf_counter()
            server = start(Path(folder) / "store")
            ready.append(time.perf_counter() - begun)
            server.stop()
        server = start(Path(folder) / "store")
        begun = time.perf_counter()
        trial_id = server.upload({"lesions.csv": trial(patients)}).json()["id"]
        brought = time.perf_counter() - begun
        long_id = server.upload({"lesions.csv": long_course()}).json()["id"]
        waited = wait_for_the_list(server, trial_id, patients)
        patient = patient_of(server, long_id)
        http_times = {"ready": ready, **over_http(server, long_id, patient)}
        used = page_processor_seconds(server, patient)
        browser_times = in_the_browser(server, patient) if Path(CHROMIUM).exists() else {}
        now, highest = memory_mib(server)
        server.stop()
    times = table(browser_times) if browser_times else "No Chromium on this machine."
    text = "\n\n".join(
        (
            "# How fast the app answers",
            f"`python benchmarks/app.py {patients} docs/results/app.md`, {time.strftime('%Y-%m-%d')}, Python "
            f"{platform.python_version()}, {os.cpu_count()} cores, load average {load[0]:.1f} before and "
            f"{os.getloadavg()[0]:.1f} after: above the number of cores, every time below is longer than on a computer "
            f"of one's own. SQLite; a made-up trial of {patients:,} patients with 5 visits and 2 lesions each "
            f"({10 * patients:,} rows), and one patient with 40 visits.",
            "Over HTTP, on a connection that is kept:",
            table(http_times),
            f"The page of the patient with 40 visits, again, takes {used:.3f} s of the server's processor.",
            "In headless Chromium, until the page is there and its charts are drawn:",
            times,
            f"Memory of the server after all of it: {now:.0f} MiB, at its highest {highest:.0f} MiB (goal: under "
            f"{MEMORY_MIB}). Bringing the trial took {brought:.0f} s; the list was worked out {waited:.0f} s later, "
            "beside the server.\n",
        )
    )
    print(text)
    if len(sys.argv) > 2:
        Path(sys.argv[2]).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
