"""Make docs/images/patient.png, the README's picture: `python scripts/readme_picture.py` (needs Chromium)."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from shutil import which
from tempfile import TemporaryDirectory

from playwright.sync_api import sync_playwright

import turnpoint as tp

PATIENT = "ASC-020011"
WIDTH, BELOW_PX = 1000, 24
TARGET = Path(__file__).parents[1] / "docs" / "images" / "patient.png"


def main() -> None:
    """Assess the bundled PSA study, and photograph the top of one patient's report."""
    study = tp.read(Path(str(resources.files("turnpoint"))) / "datasets" / "ascent2-docetaxel-psa")
    with TemporaryDirectory() as folder, sync_playwright() as playwright:
        page_file = tp.report(tp.assess(study), PATIENT).save(Path(folder) / "report.html")
        browser = playwright.chromium.launch(
            executable_path=which("chromium"), args=["--no-sandbox", "--disable-background-networking"]
        )
        page = browser.new_page(viewport={"width": WIDTH, "height": 1200})
        page.goto(page_file.as_uri())
        TARGET.parent.mkdir(parents=True, exist_ok=True)
        states = page.locator('svg[aria-labelledby^="states-"]').bounding_box()
        if states is None:
            raise SystemExit("the report has no picture of the states")
        # down to the end of the states' picture, so that none is cut in two
        height = states["y"] + states["height"] + BELOW_PX
        page.screenshot(path=TARGET, full_page=True, clip={"x": 0, "y": 0, "width": WIDTH, "height": height})
        browser.close()


if __name__ == "__main__":
    main()
