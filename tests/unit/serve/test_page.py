"""The page in a real browser: a frame is dropped, read, measured; the cloud turns; a sequence is walked.

Needs playwright and a Chromium or Chrome of this machine: found by its usual names, or by the path in
THERMODEPTH_BROWSER.
"""

from __future__ import annotations

import io
import os
import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from thermodepth.inference.lens import FrameLens
from thermodepth.inference.predictor import Predictor
from thermodepth.serve.app import address_of, bound_socket, build_app, open_service
from thermodepth.serve.gate import own_names
from thermodepth.serve.limits import Limits

pytest.importorskip("fastapi", reason="fastapi is not installed")
sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
BROWSER = os.environ.get("THERMODEPTH_BROWSER") or next(filter(None, map(shutil.which, NAMES)), "")
pytestmark = pytest.mark.skipif(not BROWSER, reason="no Chromium or Chrome on this machine")

ROWS, COLUMNS = 48, 64


def counts(seed: int = 0) -> NDArray[np.uint16]:
    rows = np.linspace(7000, 7400, ROWS)[:, None]
    noise = np.random.default_rng(seed).integers(0, 40, (ROWS, COLUMNS))
    return (rows + noise).astype(np.uint16)


@pytest.fixture(scope="module")
def address(predictor: Predictor, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Of a server in a thread of this process."""
    import uvicorn

    limits = Limits(slots=1, requests_per_minute=0)
    service = open_service(predictor, limits, tmp_path_factory.mktemp("served"))
    bound = bound_socket("127.0.0.1", 0)
    config = uvicorn.Config(
        build_app(service, names=own_names("127.0.0.1")),
        log_level="warning",
        ws="none",
        lifespan="off",
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]}, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    yield address_of("127.0.0.1", bound)
    server.should_exit = True
    thread.join(timeout=20)
    service.close()
    bound.close()


@pytest.fixture(scope="module")
def page(address: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """With two frames of 50 degrees open; whatever it fetches from elsewhere, or prints, fails the test."""
    folder = tmp_path_factory.mktemp("frames")
    for seed in range(2):
        Image.fromarray(counts(seed)).save(folder / f"frame{seed}.png")
    with sync_api.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1200, "height": 900}, reduced_motion="reduce")
        problems: list[str] = []
        page.on("console", lambda m: problems.append(m.text) if is_problem(m) else None)
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on(
            "request",
            lambda r: problems.append(r.url) if not r.url.startswith((address, "data:")) else None,
        )
        page.goto(address)
        page.locator("#samples button[aria-pressed=true]").wait_for()
        page.locator("#median", has_text=" m").wait_for()
        page.locator("#fov").fill("50")
        page.locator("#files").set_input_files([folder / f"frame{seed}.png" for seed in range(2)])
        page.locator("#position", has_text="1 / 2 · frame0.png").wait_for()
        yield page
        assert problems == []
        browser.close()


def is_problem(message: Any) -> bool:
    """Of what the browser prints; a refusal is printed too."""
    return message.type == "error" and " 422 " not in message.text


def metres_at(page: Any, selector: str) -> float:
    return float(page.locator(selector).inner_text().removesuffix(" m"))


def hover(page: Any, key: str, x: int, y: int) -> dict[str, float]:
    """Where on the stage of a map a pixel's middle is."""
    box = page.locator(f'[data-map="{key}"] .stage').bounding_box()
    return {"x": (x + 0.5) / COLUMNS * box["width"], "y": (y + 0.5) / ROWS * box["height"]}


def test_metres_under_the_cursor_and_between_two_points(page: Any, predictor: Predictor) -> None:
    depth_m = predictor(counts()).depth_m
    stage = page.locator('[data-map="depth"] .stage')
    stage.hover(position=hover(page, "depth", 20, 30))
    page.locator("#cursor-more", has_text="x 20, y 30").wait_for()
    assert metres_at(page, "#cursor") == pytest.approx(depth_m[30, 20], rel=5e-3)
    assert f"{counts()[30, 20]} counts" in page.locator("#cursor-more").inner_text()
    stage.click(position=hover(page, "depth", 20, 30))
    page.locator('[data-map="thermal"] .stage').click(position=hover(page, "thermal", 50, 10))
    focal_px = COLUMNS / 2 / np.tan(np.deg2rad(25))
    camera = np.array([[focal_px, 0, COLUMNS / 2], [0, focal_px, ROWS / 2], [0, 0, 1]])
    points = FrameLens(intrinsics=camera).rays((ROWS, COLUMNS)) * depth_m
    distance_m = float(np.linalg.norm(points[:, 30, 20] - points[:, 10, 50]))
    assert metres_at(page, "#point-b") == pytest.approx(depth_m[10, 50], rel=5e-3)
    assert metres_at(page, "#distance") == pytest.approx(distance_m, rel=5e-3)


def test_the_keyboard_does_the_same(page: Any) -> None:
    stage = page.locator('[data-map="structure"] .stage')
    stage.focus()
    page.mouse.move(0, 0)
    for key in ("Escape", "ArrowRight", "Shift+ArrowDown", "Enter"):
        stage.press(key)
    page.locator("#point-a-more", has_text=f"x {COLUMNS // 2 + 1}, y {ROWS // 2 + 10}").wait_for()
    assert page.locator("#distance").inner_text() == "–"
    page.locator("#clear").click()
    assert page.locator("#point-a").inner_text() == "–"


def test_what_a_model_does_not_tell_has_no_panel(page: Any) -> None:
    assert page.locator('[data-map="error"]').is_hidden()
    assert page.locator("#sky").inner_text() == "not told by this model"


def picture(page: Any) -> NDArray[np.uint8]:
    page.evaluate("new Promise(r => requestAnimationFrame(() => requestAnimationFrame(r)))")
    shot = page.locator("#cloud").screenshot()
    return np.asarray(Image.open(io.BytesIO(shot)).convert("L"))


def test_the_cloud_turns(page: Any) -> None:
    canvas = page.locator("#cloud")
    canvas.scroll_into_view_if_needed()
    before = picture(page)
    for _ in range(50):  # until the browser has noticed that it is in view
        if before.std() > 5:
            break
        page.wait_for_timeout(100)
        before = picture(page)
    assert before.std() > 5, "points are drawn"
    box = canvas.bounding_box()
    page.mouse.move(box["x"] + 200, box["y"] + 100)
    page.mouse.down()
    page.mouse.move(box["x"] + 320, box["y"] + 130)
    page.mouse.up()
    turned = picture(page)
    assert (turned != before).mean() > 0.05
    page.locator("#reset").click()
    np.testing.assert_array_equal(picture(page), before)


def test_a_sequence_is_walked(page: Any) -> None:
    page.locator("#slider").fill("1")
    page.locator("#position", has_text="2 / 2 · frame1.png").wait_for()
    href = page.locator("#downloads a", has_text="NPY").get_attribute("href")
    assert href.endswith("/frames/0/depth.npy?fov_deg=50")
    with page.expect_download() as download:
        page.locator("#downloads a", has_text="NPY").click()
    assert download.value.suggested_filename == "frame1_depth.npy"


def test_a_wrong_file_is_refused_in_words(page: Any, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("<b>hello</b>")
    page.locator("#files").set_input_files([tmp_path / "notes.txt"])
    page.locator("#alert", has_text="notes.txt: not a PNG").wait_for()
    assert page.locator("#alert b").count() == 0


def test_a_phone_stacks_the_panels(page: Any) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    boxes = [page.locator(f'[data-map="{key}"]').bounding_box() for key in ("thermal", "depth")]
    assert boxes[1]["y"] > boxes[0]["y"] + boxes[0]["height"] - 1
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
