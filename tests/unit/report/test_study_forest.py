"""The forest plot: places by hand, and safe whatever the names are."""

import re
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest

from thermodepth.report.study.forest import forest_svg
from thermodepth.statistics.findings import analyze
from thermodepth.statistics.measurements import Measurements

EVIL = "<script>alert('x')</script>\" onload=\"alert(1)"


def block(means, *, noise=0.02, seeds=4, images=12):
    """Each arm's mean, with a little noise that sums to nothing."""
    random = np.random.default_rng(1)
    own = noise * random.normal(size=(len(means), seeds, images))
    own -= own.mean(axis=(1, 2), keepdims=True)
    names = tuple(f"i{n}" for n in range(images))
    return Measurements(
        metric="rmse",
        arms=tuple(means),
        seeds=tuple(range(seeds)),
        images=names,
        clusters=names,
        values=np.array(list(means.values()))[:, None, None] + own,
    )


def settled(means, **options):
    return analyze({"rmse": block(means)}, reference="full", **options).tested


MEANS = {"full": 10.0, "more": 12.0, "same": 10.0, "less": 9.0}


def drawn(svg):
    """Pixels: (left, right) of the margin, 0, and of each line its point and the ends of its interval."""
    ((x, width),) = re.findall(
        r'<rect class="margin" x="([-\d.]+)" y="[^"]+" width="([-\d.]+)"', svg
    )
    (zero,) = re.findall(r'class="zero" d="M([\d.]+) ', svg)
    points = [float(n) for n in re.findall(r'<circle cx="([\d.]+)"', svg)]
    spans = re.findall(r'class="span" d="M([\d.]+) [\d.]+H([\d.]+)"', svg)
    margin = (float(x), float(x) + float(width))
    return margin, float(zero), points, [(float(a), float(b)) for a, b in spans]


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_the_margin_lies_about_zero_and_lines_on_the_side_of_their_change(sign):
    """Of a metric below 0 too: 2 of -10 more is 20 % more."""
    means = {"full": sign * 10.0, "more": sign * 10.0 + 2.0, "less": sign * 10.0 - 1.0}
    margin, zero, (more, less), spans = drawn(forest_svg(settled(means), label="RMSE"))
    assert less < margin[0] < zero < margin[1] < more
    assert zero - margin[0] == pytest.approx(margin[1] - zero, abs=0.3)
    # Changes of +20, -10 and the margin's 1 percent, on one scale.
    unit = margin[1] - zero
    assert more - zero == pytest.approx(20 * unit, rel=0.02)
    assert zero - less == pytest.approx(10 * unit, rel=0.02)
    assert spans[0][0] < more < spans[0][1]
    assert spans[1][0] < less < spans[1][1]


def test_a_line_a_question_within_the_drawing():
    found = settled(MEANS)
    svg = forest_svg(found, label="RMSE")
    _, _, points, spans = drawn(svg)
    assert len(points) == len(spans) == len(found) == 3
    assert all(300 <= x <= 750 for x in (*points, *np.ravel(spans)))
    assert re.findall(r'<g class="(\w+)">', svg) == ["worse", "open", "better"]
    assert forest_svg([], label="RMSE") == ""


def test_hostile_words_are_words():
    found = settled(MEANS, titles={"more": EVIL})
    svg = forest_svg(found, label=EVIL)
    assert "<script" not in svg
    root = ElementTree.fromstring(svg)
    assert set(root.attrib) == {"class", "viewBox", "role", "aria-label"}
    assert root.get("aria-label") == f"Changes of {EVIL} with their intervals"
    group = root.find("g")
    assert group.findtext("title") == found[0].sentence
    assert found[0].sentence.startswith(f"{EVIL} − full, RMSE: ")
    assert group.findtext("text") == f"{EVIL} − full"
    assert root.findall("text")[-1].text == f"change of {EVIL} (%)"


def test_what_has_no_interval_has_no_line():
    one = block(MEANS, seeds=1).in_clusters(["drive"] * 12)
    found = analyze({"rmse": one}, reference="full").tested
    assert forest_svg(found, label="RMSE") == ""
    with_seeds = settled(MEANS)
    zero = replace(with_seeds[0], comparison=replace(with_seeds[0].comparison, reference_value=0.0))
    assert forest_svg([zero, *with_seeds[1:]], label="RMSE").count("<circle") == 2
