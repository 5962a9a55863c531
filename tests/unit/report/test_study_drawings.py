"""What the page draws of findings: interactions, doses, parts of the error. Places and colours by hand."""

import re
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest

from thermodepth.report.study.answers import answers, effects_tables
from thermodepth.report.study.dose_charts import dose_figure, dose_svg
from thermodepth.report.study.heatmap import effects_map
from thermodepth.report.study.matrix import matrix_html
from thermodepth.report.table import Column, Table
from thermodepth.statistics.dose_response import DoseCurve, DosePoint
from thermodepth.statistics.findings import analyze
from thermodepth.study.results.ledger_matrix import PartChange
from thermodepth.study.results.result_rows import measurements_of

SEEDS, FRAMES = 4, 10
FACTORIAL = {"full": 1.0, "no-a": 1.1, "no-b": 1.0, "no-a-no-b": 1.3}


@pytest.fixture
def make_findings(make_rows):
    """Findings of arms whose error is the reference's times a factor, with a little noise."""

    def make(factors, **options):
        rng = np.random.default_rng(0)
        rows = make_rows(
            {
                arm: {
                    seed: {
                        f"f{n}": factor * (0.2 + n / 50) + rng.normal(0, 1e-4)
                        for n in range(FRAMES)
                    }
                    for seed in range(SEEDS)
                }
                for arm, factor in factors.items()
            }
        )
        return analyze({"abs_rel": measurements_of(rows, "abs_rel")}, reference="full", **options)

    return make


def cells(svg):
    """(colour, opacity, change) of every cell that has one."""
    found = re.findall(
        r'<rect class="(good|bad)" fill-opacity="([\d.]+)".*?class="change"[^>]*>([^<]+) %<', svg
    )
    return {change: (kind, float(opacity)) for kind, opacity, change in found}


# --- main effects and interactions ---------------------------------------------------------------


def test_the_map_holds_main_effects_and_interactions_with_their_signs(make_findings):
    svg = effects_map(make_findings(FACTORIAL).tested, label="AbsRel")
    # In percent of full. a: (1 - 1.1 + 1 - 1.3) / 2 = -20; b: (1 - 1 + 1.1 - 1.3) / 2 = -10;
    # together beyond the sum: 1 - 1.1 - 1 + 1.3 = +20.
    found = cells(svg)
    assert set(found) == {"−20.0", "−10.0", "+20.0"}
    assert found["−20.0"][0] == found["−10.0"][0] == "good"
    assert found["+20.0"][0] == "bad"
    # One symmetric scale: half the change is half the strength.
    assert found["−20.0"][1] == pytest.approx(found["+20.0"][1], abs=0.01)
    assert found["−10.0"][1] == pytest.approx(found["−20.0"][1] / 2, abs=0.01)
    assert svg.count('class="cell main"') == 2
    assert svg.count('class="cell"') == 1  # one half of the map
    assert svg.count(">●<") == 3
    assert "Main effect of a, AbsRel: " in svg  # said in full where it is pointed at


def test_blue_is_better_where_more_is_better(make_findings):
    svg = effects_map(make_findings(FACTORIAL, better={"abs_rel": "higher"}).tested, label="AbsRel")
    assert cells(svg)["−20.0"][0] == "bad"
    assert "−20.0 % worse" in svg or "−20.1 % worse" in svg


def test_an_effect_too_small_to_matter_is_marked_so(make_findings):
    svg = effects_map(
        make_findings({"full": 1.0, "no-a": 1.001, "no-b": 1.1, "no-a-no-b": 1.101}).tested,
        label="AbsRel",
    )
    assert svg.count(">≈<") == 2  # a alone, and a with b
    assert svg.count(">●<") == 1


def test_without_a_factorial_there_is_no_map(make_findings):
    assert effects_map(make_findings({"full": 1.0, "other": 1.1}).tested, label="x") == ""
    assert effects_map([], label="x") == ""


def test_a_missing_interaction_is_said(make_findings):
    settled = [
        s for s in make_findings(FACTORIAL).tested if s.comparison.question.kind != "interaction"
    ]
    assert "cannot be told" in effects_map(settled, label="AbsRel")


def test_names_of_factors_are_words(make_findings):
    settled = [
        replace(
            s,
            comparison=replace(
                s.comparison,
                question=replace(
                    s.comparison.question, name=s.comparison.question.name.replace(" a", " <a&")
                ),
            ),
        )
        for s in make_findings(FACTORIAL).tested
    ]
    svg = effects_map(settled, label="<i>")
    assert "&lt;a&amp;" in svg
    assert "<a&" not in svg
    assert "<i>" not in svg


# --- doses ---------------------------------------------------------------------------------------


def make_curve(levels=(0.0, 0.1, 1.0, 10.0), **changes):
    points = tuple(
        DosePoint(
            level=level,
            arm=f"a-{level:g}",
            value=1.0,
            percent=None if level == 1.0 else 4.0 * n,
            percent_interval=None if level == 1.0 else (4.0 * n - 1, 4.0 * n + 1),
        )
        for n, level in enumerate(levels)
    )
    curve = DoseCurve(
        factor="smooth",
        metric="abs_rel",
        points=points,
        slope=None,
        best=1.0,
        flat=(1.0,),
        better="lower",
        notes=(),
        margin_percent=1.0,
    )
    return replace(curve, **changes)


def points_of(svg):
    """(x, y, kind) of the points by their level."""
    found = re.findall(
        r'<circle class="(flat|told)" cx="([\d.]+)" cy="([\d.]+)" r="[\d.]+"><title>times ([^:]+):',
        svg,
    )
    return {float(level): (float(x), float(y), kind) for kind, x, y, level in found}


def test_equal_factors_are_equal_steps_and_zero_stands_apart():
    svg = dose_svg(make_curve())
    points = points_of(svg)
    (x0, *_), (x1, *_), (x2, *_), (x3, *_) = (points[level] for level in (0.0, 0.1, 1.0, 10.0))
    assert x2 - x1 == pytest.approx(x3 - x2, abs=0.2)
    assert x0 < x1
    assert 'class="line off"' in svg  # dashed across the break
    assert svg.count('class="axis"') == 2  # the axis, and the two strokes of its break
    whole = dose_svg(make_curve(levels=(0.1, 1.0, 10.0)))
    assert whole.count('class="axis"') == 1
    assert "line off" not in whole


def test_points_say_their_change_and_the_reference_stands_at_none():
    points = points_of(dose_svg(make_curve()))
    # Changes 0, 4, 0 (the recipe's own weight) and 12 percent.
    assert points[0.0][1] == points[1.0][1]
    up = points[1.0][1] - points[0.1][1]
    assert points[1.0][1] - points[10.0][1] == pytest.approx(3 * up, abs=0.2)


def test_the_best_is_ringed_and_the_flat_range_runs_over_neighbours():
    svg = dose_svg(make_curve(best=0.1, flat=(0.0, 0.1, 10.0)))
    points = points_of(svg)
    assert [kind for *_, kind in points.values()] == ["flat", "flat", "told", "flat"]
    ((x, y),) = re.findall(r'class="best" cx="([\d.]+)" cy="([\d.]+)"', svg)
    assert (float(x), float(y)) == points[0.1][:2]
    bars = re.findall(r'class="range" d="M([\d.]+) [\d.]+H([\d.]+)"', svg)
    assert len(bars) == 2  # 0 and .1 together; 10 beyond the level that can be told
    assert float(bars[0][0]) < points[0.0][0] < points[0.1][0] < float(bars[0][1])


def test_numbers_of_close_levels_do_not_run_into_each_other():
    levels = (0.0, 0.5, 0.9, 0.95, 1.0, 1.05, 1.1, 30.0)
    svg = dose_svg(make_curve(levels=levels))
    assert len(points_of(svg)) == len(levels)
    floor = max(float(y) for y in re.findall(r'y="([\d.]+)" text-anchor="middle">[\d.]+<', svg))
    places = re.findall(rf'<text x="([\d.]+)" y="{floor:g}" text-anchor="middle">([\d.]+)<', svg)
    assert "1" in [text for _, text in places]
    ordered = sorted(float(x) for x, _ in places)
    assert min(np.diff(ordered)) > 16


def test_names_of_weights_are_words_in_text_and_attributes():
    evil = "<script>alert('x')</script>\" onload=\"alert(1)"
    drawn = dose_figure(make_curve(factor=evil))
    assert "<script" not in drawn
    figure = ElementTree.fromstring(drawn)
    assert figure.findtext("figcaption") == f"{evil}: AbsRel"
    svg = figure.find("svg")
    assert set(svg.attrib) == {"class", "viewBox", "role", "aria-label"}
    assert svg.get("aria-label") == f"{evil}: change of AbsRel over its weight"


def test_a_curve_without_changes_is_not_drawn():
    curve = make_curve()
    blank = tuple(replace(p, percent=None, percent_interval=None) for p in curve.points)
    assert dose_figure(replace(curve, points=blank)) == ""


def test_one_seed_and_recording_have_points_without_bars():
    curve = make_curve()
    bare = tuple(replace(p, percent_interval=None) for p in curve.points)
    svg = dose_svg(replace(curve, points=bare, margin_percent=None))
    assert len(points_of(svg)) == 4
    assert 'class="span"' not in svg
    assert 'class="margin"' not in svg


# --- parts of the error --------------------------------------------------------------------------


def test_the_matrix_is_tinted_by_sign_and_size_and_pale_where_nothing_is_clear():
    matrix = {
        "A": {
            "scale": PartChange(percent=-16.0, interval=(-17.0, -15.0)),
            "shape": PartChange(percent=4.0, interval=(3.0, 5.0)),
            "all": PartChange(percent=4.0, interval=(-1.0, 9.0)),
        }
    }
    columns = tuple(Column(label=label) for label in ("Question", "scale", "shape", "all"))
    table = Table(title="x", columns=columns, rows=(("A", "−16.0", "+4.0", "+4.0"),))
    html = matrix_html(table, matrix)
    tints = re.findall(r'<td class="num (good|bad)" style="--share:([\d.]+)">', html)
    # The root of the share of the largest: 1, 1/2, and that pale.
    assert tints == [("good", "1.000"), ("bad", "0.500"), ("bad", "0.175")]


# --- together ------------------------------------------------------------------------------------


def test_sections_come_in_the_order_in_which_they_are_read(make_findings):
    found = make_findings({**FACTORIAL, "a-x0p1": 1.05, "a-x10": 1.2})
    sections = {s.anchor: s.parts for s in answers(found, effects_tables(found, {}), {})}
    assert list(sections) == ["levels", "readings", "effects", "interactions", "doses", "ledger"]
    assert sections["readings"] == sections["ledger"] == []
    assert 'class="heat"' in sections["interactions"][0]
    assert 'class="dose"' in sections["doses"][0]
    # What has a verdict is open, what is descriptive is folded.
    (folded,) = [part for part in sections["effects"] if part.startswith("<details>")]
    assert "Shapley of a" in folded
    opened = "".join(part for part in sections["effects"] if not part.startswith("<details>"))
    assert "Main effect of a" in opened
    assert "Shapley" not in opened
