"""`python -m documentation.picture`: the picture of a report in the README, by headless Chromium.

Drawn by hand when the page changes; fonts differ from machine to machine, so no test compares it.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from investigator.cli.main import main as investigator
from investigator.samples import SAMPLE_TRACES

TARGET = Path(__file__).parent.parent / "docs" / "images" / "report.png"
TRACE = "617fdb16cf685c234f3ef3cfbe54acd9"
"""The trip planner's: one finding, with its path and its evidence, fits on one screen."""
_SIZE = "1100,600"
_BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")


def page(folder: Path) -> Path:
    """The report of a sample trace as a page, as `investigator rca --html` writes it."""
    target = folder / "report.html"
    argv = ["rca", str(SAMPLE_TRACES), "--trace-id", TRACE, "--html", str(target)]
    try:
        investigator([*argv, "--runs-dir", str(folder / "runs")])
    except SystemExit as ended:
        if ended.code:
            raise
    return target


def main() -> None:
    """Write the picture, and say how large it is."""
    browser = next((found for name in _BROWSERS if (found := shutil.which(name))), None)
    if browser is None:
        sys.exit(f"no browser on the PATH; one of these draws the picture: {', '.join(_BROWSERS)}")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shot = folder / "report.png"
        flags = ("--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars")
        about = (f"--user-data-dir={folder / 'profile'}", f"--window-size={_SIZE}")
        subprocess.run(
            [browser, *flags, *about, f"--screenshot={shot}", page(folder).as_uri()],
            check=True,
            capture_output=True,
            timeout=120,
        )
        TARGET.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(shot, TARGET)
    print(f"{TARGET}: {TARGET.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
