"""Build what would be released and check it as a user would get it: `make release`. It uploads nothing.

1. The source archive is built, and the wheel from it, as an installer would.
2. The wheel's metadata is valid and its version the package's; it holds every file of the package.
3. It is installed in an empty environment, with what its metadata asks for and nothing else, in the locked versions.
   There, in an empty folder: `turnpoint --version` and `turnpoint demo`.
4. With the extras, it reads an XPT, an xlsx and a DICOM file.

The SHA-256 of both archives are printed last.
"""

from __future__ import annotations

import csv
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory

from packaging.metadata import Metadata
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
DIST = ROOT / "dist"
# English is spoken from the code; these are for whoever translates it (pyproject.toml leaves them out).
FOR_TRANSLATORS = {
    "turnpoint/reports/locale/messages.pot",
    "turnpoint/reports/locale/en/LC_MESSAGES/turnpoint.po",
}
SOURCE = ROOT / "src"
sys.path[:0] = [str(ROOT), str(SOURCE)]

from tests.formats.samples import SIZES_MM, write_samples  # noqa: E402  (from this tree, wherever the script is called)
from turnpoint import __version__  # noqa: E402

PIN = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^]]*\])?==([^ ;\\]+)( ;[^\\]*)?", re.MULTILINE)
# of what lies here, only what the command line needs: no PYTHONPATH, no options for Python
CLEAN = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}


def main() -> None:
    """Build, check, print."""
    shutil.rmtree(DIST, ignore_errors=True)
    with TemporaryDirectory() as place:
        work = Path(place).resolve()
        archive, wheel = built(work)
        check_contents(wheel)
        tools = work / "environment" / "bin"
        check_alone(tools, wheel, work / "empty")
        check_extras(tools, wheel, work)
    for made in (archive, wheel):
        print(hashlib.sha256(made.read_bytes()).hexdigest(), made.relative_to(ROOT))


def built(work: Path) -> tuple[Path, Path]:
    """The source archive of this tree, and the wheel of that archive."""
    said([sys.executable, "-m", "hatchling", "build", "--target", "sdist", "--directory", str(DIST)], ROOT)
    (archive,) = DIST.glob("*.tar.gz")
    with tarfile.open(archive) as opened:
        opened.extractall(work, filter="data")
    unpacked = work / archive.name.removesuffix(".tar.gz")
    said(
        [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(DIST)], unpacked
    )
    (wheel,) = DIST.glob("*.whl")
    return archive, wheel


def check_contents(wheel: Path) -> None:
    """Valid metadata, this version, every file of the package."""
    with zipfile.ZipFile(wheel) as opened:
        held = set(opened.namelist())
        (name,) = (name for name in held if name.endswith(".dist-info/METADATA"))
        metadata = Metadata.from_email(opened.read(name), validate=True)
    if str(metadata.version) != __version__ or not metadata.description:
        sys.exit(
            f"{wheel.name}: version {metadata.version} is not {__version__}, or the README is not in it."
        )
    wanted = said(["git", "ls-files", "turnpoint"], SOURCE).splitlines()
    missing = sorted(set(wanted) - held - FOR_TRANSLATORS)
    if missing or not wanted:
        sys.exit(f"{wheel.name}: files of the package are not in it: {', '.join(missing) or 'all'}.")
    print(f"{wheel.name}: metadata valid, {len(wanted)} files of the package")


def check_alone(tools: Path, wheel: Path, empty: Path) -> None:
    """With nothing but what the wheel asks for, the version is told and the demo ends with its report."""
    venv.create(tools.parent, with_pip=True)
    install(tools, wheel, "requirements.lock")
    empty.mkdir()
    if said([str(tools / "turnpoint"), "--version"], empty).split()[-1] != __version__:
        sys.exit(f"{wheel.name}: `turnpoint --version` does not say {__version__}.")
    report = Path(said([str(tools / "turnpoint"), "demo"], empty).splitlines()[-1])
    if report.parent != empty or not report.read_text(encoding="utf-8").startswith("<!doctype html>"):
        sys.exit(f"{wheel.name}: `turnpoint demo` wrote no report, but: {report}")
    print(f"{wheel.name}: installed alone, it ran the demo")


def check_extras(tools: Path, wheel: Path, work: Path) -> None:
    """With its extras, it reads the formats that need them."""
    samples = write_samples(work / "samples")
    install(tools, wheel, "requirements-dev.lock", f"[{','.join(samples)}]")
    for extra, sample in samples.items():
        said([str(tools / "turnpoint"), "check", str(sample)], work)
        study = work / f"{extra} as a study"
        said([str(tools / "turnpoint"), "convert", str(sample), str(study)], work)
        rows = csv.DictReader((study / "lesions.csv").read_text(encoding="utf-8").splitlines())
        if (sizes := tuple(float(row["diameter_mm"]) for row in rows)) != SIZES_MM:
            sys.exit(f"{wheel.name}: the sample of {extra} holds {SIZES_MM} mm, but it read {sizes}.")
    print(f"{wheel.name}: read a sample of each of {', '.join(samples)}")


def install(tools: Path, wheel: Path, lock: str, extras: str = "") -> None:
    """Install the wheel with what its own metadata asks for, in the locked versions; what is not locked is an error."""
    pins = PIN.findall((ROOT / lock).read_text(encoding="utf-8"))
    constraints = tools.parent / "constraints.txt"
    constraints.write_text("".join(f"{name}=={version}{when}\n" for name, version, when in pins))
    pip = [str(tools / "python"), "-m", "pip"]
    wanted = f"{wheel}{extras}"
    said([*pip, "install", "--quiet", "--no-compile", "--constraint", str(constraints), wanted], ROOT)
    said([*pip, "check"], ROOT)
    locked = {f"{canonicalize_name(name)}=={version}" for name, version, _ in pins}
    for line in said([*pip, "freeze"], ROOT).splitlines():
        name, _, version = line.partition("==")
        if not line.startswith("turnpoint @") and f"{canonicalize_name(name)}=={version}" not in locked:
            sys.exit(f"{line}: {wanted} needs it, but {lock} has not got it. Mend it with: make lock")


def said(command: list[str], folder: Path) -> str:
    """What a command printed; when it fails, all of it is shown and the script ends."""
    done = subprocess.run(command, cwd=folder, env=CLEAN, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(command)}: ended with {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


if __name__ == "__main__":
    main()
