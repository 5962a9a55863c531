"""Pictures of the web page for the docs: at a desk, at night, and on a phone.

    python tools/serve_pictures.py [FOLDER]

It starts the real command, drives the browser that is installed, and sets two points, as a person would.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "pictures"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
#: name -> (width, height, colours, whole page, sample)
Colours = Literal["light", "dark"]
PICTURES: dict[str, tuple[int, int, Colours, bool, str]] = {
    "serve_desk.png": (1360, 1000, "light", True, "sample-street-day"),
    "serve_night.png": (1360, 1000, "dark", False, "sample-stack"),
    "serve_phone.png": (390, 844, "light", True, "sample-room-lit"),
}


@contextmanager
def served(*words: str) -> Iterator[str]:
    """The address of a server that runs meanwhile."""
    command = [sys.executable, "-m", "thermodepth", "serve", "--port", "7869", *words]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            yield next(word for word in line.split() if word.startswith("http://"))
        finally:
            process.terminate()


def browser_path() -> str:
    """Of the browser of this machine."""
    paths = [path for name in BROWSERS if (path := shutil.which(name))]
    if not paths:
        raise SystemExit("no Chromium or Chrome on this machine")
    return paths[0]


def take(page: Any, address: str, path: Path, *, sample: str, is_whole: bool) -> None:
    """Open a sample, set two points, and take the picture."""
    page.goto(address)
    page.locator(f'[data-id="{sample}"]').click()
    page.wait_for_function(
        "id => document.querySelector(`[data-id='${id}']`).getAttribute('aria-pressed') === 'true'"
        " && document.getElementById('main').ariaBusy === 'false'",
        arg=sample,
    )
    stage = page.locator('[data-map="depth"] .stage')
    box = stage.bounding_box()
    for x, y in ((0.3, 0.8), (0.62, 0.55)):
        stage.click(position={"x": x * box["width"], "y": y * box["height"]})
    page.locator("#cloud").scroll_into_view_if_needed()  # it turns where it is seen
    page.wait_for_timeout(2200)
    page.evaluate("scrollTo(0, 0)")
    page.screenshot(path=str(path), full_page=is_whole)


def main() -> None:
    """All pictures."""
    from playwright.sync_api import sync_playwright

    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    with served() as address, sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=browser_path(), args=["--no-sandbox"])
        for name, (width, height, colours, is_whole, sample) in PICTURES.items():
            page = browser.new_page(
                viewport={"width": width, "height": height}, color_scheme=colours
            )
            page.on("console", lambda message: print(message.text, file=sys.stderr))
            page.on("pageerror", lambda error: print(error, file=sys.stderr))
            take(page, address, folder / name, sample=sample, is_whole=is_whole)
            page.close()
        browser.close()


if __name__ == "__main__":
    main()
