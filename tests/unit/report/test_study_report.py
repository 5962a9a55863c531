"""The page: whole, self-contained, well formed, and safe whatever the names are."""

import base64
import math
import re
from html.parser import HTMLParser
from typing import NamedTuple

import numpy as np
import pytest

from thermodepth.errors import StudyError
from thermodepth.evaluation.protocols.named import named_protocol
from thermodepth.report.page.scenes import PickedScene
from thermodepth.report.study import page
from thermodepth.report.study.answers import effects_tables
from thermodepth.report.study.curves import draw_curves, line_class
from thermodepth.report.study.facts import PageFacts
from thermodepth.report.study.figures import DrawnFigure
from thermodepth.report.study.frames_table import frames_table
from thermodepth.report.study.methods_html import methods_html
from thermodepth.report.study.tables import study_tables
from thermodepth.statistics.comparison import ONE_RUN
from thermodepth.statistics.default_questions import ArmFactors
from thermodepth.statistics.findings import analyze
from thermodepth.study.arm import ArmLabel
from thermodepth.study.gradients import ArmDiagnostics, GradientRecord, arm_gradients
from thermodepth.study.results.cells import CellRecord
from thermodepth.study.results.entries import table_entries
from thermodepth.study.results.findings import StudyFindings
from thermodepth.study.results.fitted_scenes import FittedScenes
from thermodepth.study.results.frames import frame_errors
from thermodepth.study.results.record import check_protocol
from thermodepth.study.results.result_rows import measurements_of
from thermodepth.study.results.training_logs import Curve, logged_columns, over_seeds, read_curve

VOID = {"meta", "img", "br"}
EVIL = "<script>alert('x')</script>\"><img src=x onerror=alert(1)>&amp;"


class Reader(HTMLParser):
    """Checks that every tag is closed in order, and collects what the page says and loads."""

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.open, self.tags, self.words, self.links = [], [], [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.links += [value for name, value in attrs if name in ("src", "href", "action")]
        assert not any("url(" in value for name, value in attrs if name == "style")
        assert not any(name.startswith("on") for name, _ in attrs), attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        del attrs
        self.tags.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)


def read(page):
    reader = Reader()
    reader.feed(page)
    reader.close()
    assert reader.open == []
    return reader


def make_scene(arms, words):
    truth = np.full((24, 32), 4.0)
    predictions = {arm.title: truth * 1.1 for arm in arms}
    return PickedScene(
        sample_id=words,
        condition=words,
        reason=words,
        thermal=np.arange(24 * 32, dtype=np.uint16).reshape(24, 32),
        truth_m=truth,
        predictions=predictions,
        structures={f"Label {words}": None, **{title: 1 / m for title, m in predictions.items()}},
    )


GRADIENTS = ArmDiagnostics(
    name="full",
    title="All losses",
    records=(
        GradientRecord(
            run="full/seed-0",
            losses={"metric_silog": ((1, 1.0),)},
            shares={"metric_silog": ((1, 1.0),)},
            cosines={},
            similarities={},
            step_cosines={},
            not_finite=(),
            missing=0,
            overhead=None,
            stops=(),
        ),
    ),
    maps=(),
)


class Report(NamedTuple):
    """What the page is printed from."""

    facts: PageFacts
    findings: StudyFindings
    methods: str
    figures: list[DrawnFigure]
    scenes: list[PickedScene]


def report_html(report):
    tables = study_tables(report.findings.tables)
    tables |= effects_tables(report.findings.contrasts, report.findings.ledger)
    return page.report_html(
        report.facts,
        report.findings,
        tables=tables,
        methods=report.methods,
        figures=report.figures,
        scenes=report.scenes,
    )


@pytest.fixture
def make_report(make_rows, arms):
    def make(
        *,
        seeds=(0,),
        arms=arms,
        failed=(),
        words="Loss configurations",
        png=b"\x89PNG",
        frames=3,
    ):
        values = {
            arm.name: {
                seed: {f"{words}-{f}": 0.1 + f / 10 + n / 20 + seed / 100 for f in range(frames)}
                for seed in seeds
            }
            for n, arm in enumerate(arms)
        }
        values["mean-depth map"] = {0: {f"{words}-{f}": 0.9 for f in range(frames)}}
        rows = make_rows(values, conditions={f"{words}-0": words})
        return Report(
            facts=PageFacts(
                title=words,
                setup={"Data": words, words: "x"},
                protocol=named_protocol("synthetic"),
                edits={arms[1].name: {words: (True, [1, words])}},
                provenance={"Command": words},
                remarks=(words,),
                cells=[
                    CellRecord(
                        arm=arms[0].name, seed=0, state="done", seconds=51.8, batches="c11b"
                    ),
                    CellRecord(arm=arms[1].name, seed=0, state=f"diverged at step 4: {words}"),
                ],
            ),
            findings=findings_of(rows, [*arms, *failed], seeds, words),
            figures=[DrawnFigure(kind="metric", title=words, caption=words, png=png)],
            methods=f"# Methods\n\n{words}\n",
            scenes=[make_scene(arms, words)],
        )

    return make


def findings_of(rows, arms, seeds, words):
    steps = tuple((float(s), 1 / (s + 1)) for s in range(0, 1000, 2))
    columns = {"total": steps, words: steps, "flat": ((5.0, 0.0),)}
    curves = [Curve(arm=arm.name, seed=s, columns=columns) for arm in arms for s in seeds]
    names = [arm.name for arm in arms]
    return StudyFindings(
        contrasts=analyze(
            {name: measurements_of(rows, name, arms=names) for name in ("abs_rel", "rmse")},
            reference=names[0],
            titles={arm.name: arm.title for arm in arms},
            arm_factors=ArmFactors(),
        ),
        tables=table_entries(rows, arms=arms, reference=names[0]),
        ledger={},
        errors=frame_errors(rows),
        curves=logged_columns(curves, arms=names),
        scenes=FittedScenes(scenes=(), arms=tuple(arms), seed=0),
        gradients=(arm_gradients(GRADIENTS),),
    )


def test_the_page_says_everything_and_loads_nothing(make_report):
    html = report_html(make_report())
    reader = read(html)
    text = " ".join(reader.words)
    for heading in (
        "Results",
        "Figures",
        "By distance",
        "By condition",
        "Learning curves",
        "Frames",
    ):
        assert heading in text
    assert "Beside the published table" in text
    assert all(re.match("#|data:image/(png|webp);base64,", link) for link in reader.links)
    assert "http://" not in html
    assert "https://" not in html
    assert not re.search(r"@import|url\(", html)
    assert "default-src 'none'" in html
    assert "prefers-color-scheme: dark" in html
    assert "@media print" in html
    assert base64.b64encode(b"\x89PNG").decode() in html


def test_the_stamp_is_there_with_one_seed_and_gone_with_two(make_report):
    one, two = report_html(make_report()), report_html(make_report(seeds=(0, 1)))
    assert f'<p class="stamp">{ONE_RUN}</p>' in one
    assert "interval for other seeds and scenes" not in one
    # The published table is one run each, whatever ours is.
    assert two.count(ONE_RUN) == 1
    assert "Published: " in two.split(ONE_RUN)[0].rsplit("<li>", 1)[1]
    assert "interval for other seeds and scenes" in two


def test_hostile_words_are_words(make_report):
    arms = [ArmLabel(name="full", title=EVIL), ArmLabel(name="b", title=EVIL + "2")]
    html = report_html(make_report(arms=arms, words=EVIL))
    reader = read(html)
    assert reader.tags.count("script") == 1
    # The figure; thermal, truth and a teacher's label; three pictures of either arm.
    assert reader.tags.count("img") == 1 + 3 + 3 * 2
    assert "<script>alert" not in html
    assert EVIL in " ".join(reader.words)


@pytest.mark.parametrize("count", [2, 8])
def test_any_number_of_arms(make_report, count):
    arms = [ArmLabel(name=f"arm-{n}", title=f"Arm {n}") for n in range(count)]
    html = report_html(make_report(arms=arms))
    read(html)
    assert f"arm-{count - 1}" in html


def test_the_same_report_gives_the_same_page(make_report):
    assert report_html(make_report()) == report_html(make_report())


def test_another_protocol_is_refused(make_rows):
    rows = make_rows({"full": {0: {"a": 0.1}}})
    check_protocol(rows, named_protocol("synthetic"))
    with pytest.raises(StudyError, match="made under protocol synthetic-"):
        check_protocol(rows, named_protocol("mm5"))


def test_pictures_and_frames_are_kept_within_bounds(make_report, monkeypatch):
    from thermodepth.files import encode_png

    monkeypatch.setattr(page, "MOST_FRAMES", 2)
    monkeypatch.setattr(page, "MOST_FIGURE_BYTES", 30_000)
    noise = np.random.default_rng(0).integers(0, 255, (150, 200, 3)).astype(np.uint8)
    html = report_html(make_report(png=encode_png(noise)))
    read(html)
    assert len(html) < 150_000
    assert "Reduced for this page; full size in fig2_metric.png" in html
    assert "The 2 of 3 frames with the largest spread" in html


def test_shared_cells_are_written_once(make_report):
    html = report_html(make_report())
    distance = html.split('<section id="distance">')[1].split("</section>")[0]
    assert distance.count(">0.3–1 m<") == 1
    assert 'rowspan="6"' in distance


def test_an_arm_that_failed_leaves_the_page_whole(make_report, arms):
    html = report_html(make_report(arms=arms[:3], failed=arms[3:4]))
    read(html)
    assert "No results (not run, failed or diverged): No Consistency" in html


def test_a_person_reads_what_was_found_before_what_it_stands_on(make_report):
    order = re.findall(r'<section id="(\w+)"', report_html(make_report()))
    assert order == [
        *("effects", "figures", "scenes", "results", "distance", "condition", "further"),
        *("curves", "gradients", "frames", "methods", "provenance"),
    ]


def test_every_cell_is_accounted_for(make_report):
    html = report_html(make_report())
    provenance = read(html.split('<section id="provenance">')[1].split("</section>")[0]).words
    assert "diverged at step 4: Loss configurations" in provenance
    assert {"52", "c11b", "done"} <= set(provenance)


def test_a_real_study_stays_below_six_megabytes(make_report):
    """Noise compresses worse than any picture, so every one is as large as it may be."""
    from dataclasses import replace

    from thermodepth.report.page.scenes import scenes_html
    from thermodepth.report.study.page import MOST_FIGURE_BYTES, MOST_SCENE_BYTES

    arms = [ArmLabel(name=f"arm-{n}", title=f"Arm {n}") for n in range(8)]
    rng = np.random.default_rng(0)
    truth = np.exp(rng.normal(2, 1, (128, 160)))
    noise = {arm.title: np.exp(rng.normal(2, 1, truth.shape)) for arm in arms}
    scene = replace(
        make_scene(arms, "noise"),
        thermal=rng.integers(0, 9999, truth.shape),
        truth_m=truth,
        predictions=noise,
        structures={title: 1 / depth for title, depth in noise.items()},
    )
    # Four scenes of a quarter of all bytes each.
    (html,) = scenes_html([scene], most_bytes=MOST_SCENE_BYTES // 4)
    plain = len(report_html(make_report(arms=arms)))
    assert 4 * len(html) + 2 * MOST_FIGURE_BYTES * 4 / 3 + plain < 6_000_000


def test_methods_are_paragraphs_and_words():
    (button, text) = methods_html(
        f"# Methods\n\nWe trained\nthem. {EVIL}\n\nClaims:\n\n- One: **supports**. So.\n- Two.\n"
    )
    assert 'data-copies="methods-text" hidden' in button
    reader = read(text)
    assert reader.tags == ["div", "p", "p", "ul", "li", "strong", "li"]
    assert "We trained them. " + EVIL in reader.words
    assert methods_html("") == []


@pytest.mark.parametrize("lowest", ["full", "no-silog", "no-smooth"])
def test_a_frame_s_spread_is_from_the_least_to_the_largest_of_all_arms(make_rows, arms, lowest):
    values = {"full": 0.30, "no-silog": 0.25, "no-smooth": 0.40, lowest: 0.20}
    rows = make_rows({arm: {0: {"a": value, "b": 0.5}} for arm, value in values.items()})
    table = frames_table(frame_errors(rows), arms[:3], "full", reasons={}, most=5)
    place = [column.label for column in table.columns].index("Spread (%)")
    a, b = (row[place] for row in table.rows)
    assert a == pytest.approx(100 * (max(values.values()) - 0.20) / values["full"])
    assert b == 0.0


# --- learning curves -----------------------------------------------------------------------------


def test_logs_are_read_and_drawn(tmp_path, arms):
    log = tmp_path / "log.csv"
    log.write_text("step,learning_rate,total,late,gradient_norm\n20,1,0.5,,2\n40,1,0.25,7,nan\n")
    curve = read_curve(log, arm="full", seed=0)
    assert curve.columns["total"] == ((20.0, 0.5), (40.0, 0.25))
    assert curve.columns["late"] == ((40.0, 7.0),)
    assert "learning_rate" not in curve.columns
    drawn = draw_curves(logged_columns([curve], arms=["full"]), arms=arms)
    assert [d.name for d in drawn] == ["total", "late", "gradient_norm"]
    for each in drawn:
        read(each.svg)
        assert "nan" not in each.svg


def test_a_log_that_is_none_is_refused(tmp_path):
    with pytest.raises(StudyError, match="cannot be read"):
        read_curve(tmp_path / "no.csv", arm="full", seed=0)
    (tmp_path / "log.csv").write_text("a,b\n1,2\n")
    with pytest.raises(StudyError, match="not a training log"):
        read_curve(tmp_path / "log.csv", arm="full", seed=0)


def test_a_line_is_the_mean_over_seeds_and_its_band_reaches_over_all():
    one = ((1.0, 2.0), (2.0, 4.0), (3.0, 1.0))
    two = ((1.0, 4.0), (2.0, math.nan), (4.0, 7.0))
    # By hand: step 1 has 2 and 4; step 2 only 4, for the other is no number.
    assert over_seeds([one, two]) == (
        (1.0, 3.0, 2.0, 4.0),
        (2.0, 4.0, 4.0, 4.0),
        (3.0, 1.0, 1.0, 1.0),
        (4.0, 7.0, 7.0, 7.0),
    )


def test_a_long_log_is_thinned_and_keeps_its_mean_and_ends():
    steps = [(float(n), 1.0 + n % 7) for n in range(1000)]
    thin = over_seeds([tuple(steps)])
    assert len(thin) <= 120
    assert max(high for *_, high in thin) == 7.0
    assert min(low for _, _, low, _ in thin) == 1.0
    whole = [value for _, value in steps[:9]]
    assert thin[0] == (4.0, sum(whole) / 9, 1.0, 7.0)


def test_a_thinned_band_reaches_from_the_least_to_the_largest_of_its_steps():
    values = np.random.default_rng(0).normal(size=(3, 360))  # of three seeds; three steps a point
    curves = [tuple((float(n), v) for n, v in enumerate(own)) for own in values]
    thin = np.array(over_seeds(curves))
    assert thin.shape == (120, 4)
    chunks = values.reshape(3, 120, 3)
    assert thin[:, 1] == pytest.approx(chunks.mean(axis=(0, 2)))
    assert thin[:, 2] == pytest.approx(chunks.min(axis=(0, 2)))
    assert thin[:, 3] == pytest.approx(chunks.max(axis=(0, 2)))


def test_one_line_an_arm_however_many_seeds(arms):
    columns = {"total": ((1.0, 2.0), (2.0, 1.0))}
    other = {"total": ((1.0, 3.0), (2.0, 2.0))}
    curves = [
        Curve(arm=arm.name, seed=seed, columns=own)
        for arm in arms
        for seed, own in enumerate((columns, other))
    ]
    (drawn,) = draw_curves(logged_columns(curves, arms=[arm.name for arm in arms]), arms=arms)
    for number in range(len(arms)):
        assert drawn.svg.count(f'data-arm="{number}"') == 2  # line and band
    # The reference last, on top.
    assert drawn.svg.rindex('data-arm="0"') > drawn.svg.rindex('data-arm="1"')


def test_many_arms_have_classes_of_their_own():
    classes = {line_class(number) for number in range(32)}
    assert len(classes) == 32
    assert line_class(3) == "line arm-3"
