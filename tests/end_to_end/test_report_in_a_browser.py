"""The page of a study in a real browser: quiet, offline, and everything that can be pressed does its work.

Needs playwright and a Chromium or Chrome of this machine: found by its usual names, or by the path in
`THERMODEPTH_BROWSER`. Without either these tests are skipped.
"""

import os
import shutil

import pytest
from study_pages import CHANGES, make_page, make_scenes

from thermodepth.report.evaluation.page import EvaluationPage, page_html

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
PHONE, DESK = {"width": 420, "height": 800}, {"width": 1280, "height": 900}


@pytest.fixture(scope="module")
def browser():
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    path = os.environ.get("THERMODEPTH_BROWSER") or next(
        filter(None, map(shutil.which, NAMES)), None
    )
    if path is None:
        pytest.skip("no Chromium or Chrome found; THERMODEPTH_BROWSER may name one")
    with playwright.sync_playwright() as driver:
        made = driver.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield made
        made.close()


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_text(make_page(), encoding="utf-8")
    return path.as_uri()


@pytest.fixture
def open_page(browser):
    """Opens a page; when the test ends it must not have complained or asked for anything but itself."""
    made = []

    def open_it(address, *, size=DESK, **context):
        page = browser.new_context(viewport=size, **context).new_page()
        complaints, asked = [], []
        page.on("console", lambda said: complaints.append(said.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(address)
        made.append((page, complaints, asked, address))
        return page

    yield open_it
    for page, complaints, asked, address in made:
        assert complaints == []
        assert [url for url in asked if url != address and not url.startswith("data:")] == []
        page.context.close()


def settled(page, selector):
    """A screenshot of one element, its pictures decoded."""
    page.wait_for_function(
        "all => [...document.querySelectorAll(all)].every(i => i.complete && i.naturalWidth)",
        arg=f"{selector} img",
    )
    return page.locator(selector).screenshot(animations="disabled", caret="hide")


# --- the viewer ----------------------------------------------------------------------------------


def test_the_divider_follows_the_mouse_and_changes_the_picture(open_page, address):
    page = open_page(address)
    stage = page.locator("#frame-1 .stage")
    stage.scroll_into_view_if_needed()
    before = settled(page, "#frame-1 .stage")
    box = stage.bounding_box()
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] / 2, y)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.2 * box["width"], y, steps=4)
    page.mouse.up()
    divider = page.locator("#frame-1 .divider")
    assert divider.get_attribute("aria-valuenow") == "20"
    assert settled(page, "#frame-1 .stage") != before
    page.mouse.move(box["x"] + 0.9 * box["width"], y)  # not pressed any more
    assert divider.get_attribute("aria-valuenow") == "20"


def test_the_divider_obeys_the_keys(open_page, address):
    page = open_page(address)
    divider = page.locator("#frame-2 .divider")
    divider.focus()
    for key, at in (
        ("ArrowLeft", 48),
        ("PageUp", 58),
        ("End", 100),
        ("ArrowRight", 100),
        ("Home", 0),
    ):
        page.keyboard.press(key)
        assert divider.get_attribute("aria-valuenow") == str(at)
    assert "Prediction: Full" in divider.get_attribute("aria-valuetext")


def test_any_two_pictures_stand_against_each_other(open_page, address):
    page = open_page(address)
    left, right = page.locator("#frame-1 select").all()
    # The first two arms, until a person chooses.
    chosen = [s.evaluate("s => s.selectedOptions[0].textContent") for s in (left, right)]
    assert chosen == ["Prediction: Full", "Prediction: No Smooth"]
    before = settled(page, "#frame-1 .stage")
    right.select_option(label="Error: Plain")
    left.select_option(label="Structure: Guided")
    assert settled(page, "#frame-1 .stage") != before
    shown = page.locator("#frame-1 .stage .right img").get_attribute("src")
    assert shown == page.locator('#frame-1 img[alt^="Error: Plain,"]').get_attribute("src")


def test_a_press_on_a_picture_crops_all_pictures_of_the_frame_alike(open_page, address):
    page = open_page(address)
    panes = page.locator("#frame-1 .pane")
    assert panes.count() == 2 + 3 * len(CHANGES)
    panes.nth(3).click(position={"x": 20, "y": 15})
    places = page.eval_on_selector_all(
        "#frame-1 .pane img, #frame-1 .stage img",
        """all => all.map(i => { const s = getComputedStyle(i), b = i.parentElement
           .getBoundingClientRect(), [x, y] = s.transformOrigin.split(" ").map(parseFloat);
           return [s.transform, (x / b.width).toFixed(2), (y / b.height).toFixed(2)].join() })""",
    )
    assert len(set(places)) == 1
    assert places[0].startswith("matrix(3, 0, 0, 3")
    assert page.locator("#frame-2.zoomed").count() == 0
    page.keyboard.press("ArrowRight")
    moved = page.locator("#frame-1").evaluate("e => parseFloat(e.style.getPropertyValue('--x'))")
    page.keyboard.press("ArrowRight")
    again = page.locator("#frame-1").evaluate("e => parseFloat(e.style.getPropertyValue('--x'))")
    assert again == moved + 8
    page.keyboard.press("Escape")
    assert page.locator(".zoomed").count() == 0
    panes.nth(0).focus()
    page.keyboard.press("Enter")  # a key has no place: the middle
    assert page.locator("#frame-1").evaluate("e => e.style.getPropertyValue('--x')") == "50%"
    assert panes.nth(5).get_attribute("aria-pressed") == "true"


# --- tables, curves, text ------------------------------------------------------------------------


def test_a_press_on_a_heading_sorts_the_frames(open_page, address):
    page = open_page(address)
    heading = page.locator("#frames thead th", has_text="Spread")
    place = heading.evaluate("th => th.cellIndex")

    def column():
        rows = page.locator("#frames tbody tr")
        return [float(r.locator("th, td").nth(place).inner_text()) for r in rows.all()]

    first = column()
    heading.locator("button").click()
    assert column() == sorted(first)
    heading.locator("button").press("Enter")
    assert column() == sorted(first, reverse=True)
    assert first != column()
    assert heading.get_attribute("aria-sort") == "descending"


def test_the_legend_hides_and_brings_out_an_arm_in_all_charts(open_page, address):
    page = open_page(address)
    button = page.locator(".switches button", has_text="No Consistency").first
    number = list(CHANGES).index("no-consistency")
    lines = page.locator(f'#curves .charts path[data-arm="{number}"]')
    assert lines.count() == 4  # a line and a band in either chart
    assert all(line.is_visible() for line in lines.all())
    button.click()
    assert button.get_attribute("aria-pressed") == "false"
    assert not any(line.is_visible() for line in lines.all())
    others = page.locator('#curves .charts path.line[data-arm="0"]')
    assert all(line.is_visible() for line in others.all())
    button.press("Enter")
    assert all(line.is_visible() for line in lines.all())
    faded = others.first.evaluate("e => Number(getComputedStyle(e).opacity)")
    assert faded < 0.5  # while the button has the focus, its arm stands out
    page.locator(".switches button", has_text="Hide all").press("Enter")
    assert page.locator("#curves .charts path.line:visible").count() == 0
    page.locator(".switches button", has_text="Show all").click()
    assert page.locator("#curves .charts path.line:visible").count() == 2 * len(CHANGES)


def test_no_two_arms_have_the_same_line(open_page, address):
    page = open_page(address)
    lines = page.eval_on_selector_all(
        ".switches path",
        "all => all.map(p => { const s = getComputedStyle(p);"
        " return s.stroke + s.strokeDasharray })",
    )
    assert len(lines) == len(set(lines)) == len(CHANGES)


def test_the_methods_are_copied(open_page, address):
    page = open_page(address, permissions=["clipboard-read", "clipboard-write"])
    page.locator("button.copy").click()
    page.locator(".copied", has_text="Copied.").wait_for()
    text = page.evaluate("navigator.clipboard.readText()")
    assert "\n\nWe trained 10 configurations" in text
    assert "**" not in text


# --- shapes --------------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])
def test_nothing_is_wider_than_the_page(open_page, address, size, scheme):
    page = open_page(address, size=size, color_scheme=scheme)
    page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    assert wide <= 0
    spilled = page.evaluate(
        """[...document.querySelectorAll("body *")].filter(e => !e.closest(".scroll, .stage, svg, .pane, nav")
           && e.getClientRects().length && e.getBoundingClientRect().right > innerWidth + 1)
           .map(e => e.tagName + "." + e.className)"""
    )
    assert spilled == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_numbers_on_tinted_cells_can_be_read(open_page, address, scheme):
    page = open_page(address, color_scheme=scheme)
    worst = page.evaluate(
        """() => {
          const css = c => c.match(/[\\d.]+/g).map(Number);
          const luminance = c => { const [r, g, b] = c.map(v => { v /= 255;
            return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; });
            return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
          const page = css(getComputedStyle(document.body).backgroundColor).slice(0, 3);
          const ink = css(getComputedStyle(document.body).color).slice(0, 3);
          const contrasts = [...document.querySelectorAll(".heat rect.good, .heat rect.bad")].map(e => {
            const s = getComputedStyle(e), a = Number(s.fillOpacity), tint = css(s.fill);
            const on = page.map((p, n) => a * tint[n] + (1 - a) * p);
            const [x, y] = [luminance(ink), luminance(on)].sort((p, q) => q - p);
            return (x + 0.05) / (y + 0.05); });
          return [contrasts.length, Math.min(...contrasts)]; }"""
    )
    assert worst[0] > 0
    assert worst[1] > 4.5  # WCAG 2.1 AA


def test_what_went_wrong_stands_above_everything(open_page, address):
    page = open_page(address)
    stamp = page.locator("header .stamp", has_text="diverged at step 412")
    assert stamp.bounding_box()["y"] < DESK["height"]


def test_it_prints(open_page, address):
    page = open_page(address)
    content = page.pdf(format="A4")
    assert content.startswith(b"%PDF")
    page.emulate_media(media="print")
    assert not page.locator(".viewer").first.is_visible()
    assert page.locator(".tiles img").first.is_visible()


def test_without_scripts_all_pictures_and_lines_are_there(open_page, address):
    page = open_page(address, java_script_enabled=False)
    assert not page.locator(".viewer").first.is_visible()
    assert page.locator("#frame-1 .tiles img").count() == 2 + 3 * len(CHANGES)
    assert not page.locator("button.copy").is_visible()
    assert page.locator("#curves .charts path.line").first.is_visible()


def test_the_page_of_an_evaluation_has_the_same_viewer(open_page, tmp_path):
    page_of = EvaluationPage(title="Evaluation", facts={"Data": "made up"}, scenes=make_scenes())
    path = tmp_path / "evaluation.html"
    path.write_text(page_html(page_of), encoding="utf-8")
    page = open_page(path.as_uri(), size=PHONE)
    page.locator("#frame-1 .divider").press("Home")
    assert page.locator("#frame-1 .divider").get_attribute("aria-valuenow") == "0"
    first = page.locator("#frame-1 select").first
    assert first.evaluate("s => s.selectedOptions[0].textContent") == "Thermal"
    page.locator("#frame-1 .pane").first.click()
    assert page.locator("#frame-1.zoomed").count() == 1
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
