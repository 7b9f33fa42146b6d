"""Make docs/images/patient.png, the README's picture: `python scripts/readme_picture.py` (needs Chromium)."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from shutil import which
from tempfile import TemporaryDirectory

from playwright.sync_api import sync_playwright

import turnpoint as tp

PATIENT = "ASC-020011"
WIDTH, HEIGHT = 1000, 1290
TARGET = Path(__file__).parents[1] / "docs" / "images" / "patient.png"


def main() -> None:
    """Assess the bundled PSA study, and photograph the top of one patient's report."""
    study = tp.read(Path(str(resources.files("turnpoint"))) / "datasets" / "ascent2-docetaxel-psa")
    with TemporaryDirectory() as folder, sync_playwright() as playwright:
        page_file = tp.report(tp.assess(study), PATIENT).save(Path(folder) / "report.html")
        browser = playwright.chromium.launch(
            executable_path=which("chromium"), args=["--no-sandbox", "--disable-background-networking"]
        )
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
        page.goto(page_file.as_uri())
        TARGET.parent.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=TARGET)
        browser.close()


if __name__ == "__main__":
    main()
