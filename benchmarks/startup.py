"""How fast the command line answers: `turnpoint --help` and its kin, from start to exit.

Runs each command several times in a fresh process and prints the best and the median time, then the slowest
imports. Usage: python benchmarks/startup.py [REPETITIONS]
"""

from __future__ import annotations

import re
import statistics
import subprocess
import sys
import time

GOAL_SECONDS = 0.3  # for --help; design section 12
REPETITIONS = 20
SHOWN_IMPORTS = 8
RUN = "import sys; sys.argv = ['turnpoint', *sys.argv[1:]]; from turnpoint.cli import main; main()"
COMMANDS = (
    ("an empty Python", ["-c", "pass"]),
    ("import turnpoint", ["-c", "import turnpoint"]),
    ("turnpoint --version", ["-c", RUN, "--version"]),
    ("turnpoint --help", ["-c", RUN, "--help"]),
    ("turnpoint assess --help", ["-c", RUN, "assess", "--help"]),
)


def seconds(arguments: list[str]) -> float:
    started = time.perf_counter()
    subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started


def slowest_imports() -> list[tuple[float, str]]:
    """Milliseconds that each module itself took while `turnpoint --help` ran, slowest first."""
    command = [sys.executable, "-X", "importtime", "-c", RUN, "--help"]
    log = subprocess.run(command, check=True, capture_output=True, text=True).stderr
    rows = re.findall(r"import time:\s+(\d+) \|\s+\d+ \|\s+(\S+)", log)
    return sorted(((int(own) / 1000, name) for own, name in rows), reverse=True)


def main() -> None:
    repetitions = int(sys.argv[1]) if len(sys.argv) > 1 else REPETITIONS
    print(f"{'command':<26}{'best s':>8}{'median s':>10}   ({repetitions} runs each)")
    for name, arguments in COMMANDS:
        seconds(arguments)  # warm the disk's cache
        times = [seconds(arguments) for _ in range(repetitions)]
        goal = f"   goal {GOAL_SECONDS} s" if name == "turnpoint --help" else ""
        print(f"{name:<26}{min(times):>8.3f}{statistics.median(times):>10.3f}{goal}")
    print("\nslowest imports of turnpoint --help, ms")
    for milliseconds, module in slowest_imports()[:SHOWN_IMPORTS]:
        print(f"{milliseconds:>8.1f}  {module}")


if __name__ == "__main__":
    main()
