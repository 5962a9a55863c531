"""The page of an evaluation: whole, self-contained, well formed, and safe whatever the names are."""

import base64
import io
import math
import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

from thermodepth.errors import DataError
from thermodepth.evaluation.protocols.named import named_protocol
from thermodepth.evaluation.scoring.density import density_of
from thermodepth.report.evaluation.figures import ledger_figure, range_figures, scatter_figures
from thermodepth.report.evaluation.page import EvaluationPage, PageSection, page_html, write_page
from thermodepth.report.page.pictures import encoded
from thermodepth.report.page.scenes import MOST_BYTES, PickedScene, scenes_html
from thermodepth.report.page.skeleton import Tint, table_html
from thermodepth.report.table import Column, Table

VOID = {"meta", "img", "br"}
EVIL = "<script>alert('x')</script>\"><img src=x onerror=alert(1)>&amp;"
ARMS = ("model", "mean-depth map", "other")


class Reader(HTMLParser):
    """Checks that every tag is closed in order, and collects what the page says and loads."""

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.open, self.tags, self.words, self.links, self.ids, self.attributes = (
            [] for _ in "123456"
        )

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes.append((tag, dict(attrs)))
        self.links += [value for name, value in attrs if name in ("src", "href", "action")]
        self.ids += [value for name, value in attrs if name == "id"]
        assert not any(name.startswith("on") for name, _ in attrs), attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)

    def of(self, tag, **wanted):
        """The attributes of every such tag."""
        return [a for t, a in self.attributes if t == tag and wanted.items() <= a.items()]


def read(html):
    reader = Reader()
    reader.feed(html)
    reader.close()
    assert reader.open == []
    assert len(set(reader.ids)) == len(reader.ids)
    return reader


def make_scene(*, arms=ARMS, size=(24, 40), words="street-1", rgb=True, sparse=False):
    """A ramp with a hole; each arm is off by a factor of its own."""
    rng = np.random.default_rng(3)
    truth = (np.geomspace(40, 2, size[0])[:, None] * np.linspace(1, 1.5, size[1])).astype(
        np.float32
    )
    predictions = {arm: truth * np.float32(1 + 0.2 * n) for n, arm in enumerate(arms)}
    truth[: size[0] // 4] = np.nan
    if sparse:
        truth[rng.random(size) > 0.03] = np.nan
        truth[-3, 5] = 2.5
    return PickedScene(
        sample_id=words,
        condition=words,
        reason=f"worst {words}",
        thermal=rng.integers(7000, 7200, size).astype(np.uint16),
        truth_m=truth,
        predictions=predictions,
        scores={arm: {"abs_rel": 0.2 * n, "rmse": 1.5} for n, arm in enumerate(arms)},
        rgb=rng.integers(0, 255, (*size, 3)).astype(np.uint8) if rgb else None,
    )


def make_table(*, words="AbsRel", rows=3):
    return Table(
        title=words,
        columns=(Column(label=words, align="left"), Column(label=words, digits=3, better="lower")),
        rows=tuple((f"{words} {n}", 0.1 * n) for n in range(rows)),
        notes=(words,),
        bold=frozenset({(0, 1)}),
    )


def make_densities(arms=ARMS):
    protocol = named_protocol("synthetic")
    rng = np.random.default_rng(0)
    truth = np.exp(rng.uniform(0.0, 4.0, 4_000))
    return {
        arm: density_of(protocol, (truth * np.exp(rng.normal(0.1 * n, 0.1, 4_000))), truth)
        for n, arm in enumerate(arms)
    }


def make_page(*, words="Evaluation", arms=ARMS, **changes):
    page = EvaluationPage(
        title=words,
        lead=words,
        facts={words: words, "Split": "test"},
        notes=(words,),
        sections=[
            PageSection(
                anchor="errors", heading=words, words=words, tables=[make_table(words=words)]
            ),
            PageSection(anchor="ledger", heading="Ledger", tables=[make_table(words=words)]),
        ],
        densities=make_densities(arms),
        scenes=[make_scene(arms=arms, words=words), make_scene(arms=arms, words=words, rgb=False)],
        ledger={arm: {words: 0.5, "shape": 0.25} for arm in arms},
        provenance={words: words},
    )
    return replace(page, **changes)


def pictures(html):
    """Every embedded WebP, decoded, in order."""
    found = re.findall(r'src="data:image/webp;base64,([^"]+)"', html)
    return [np.asarray(Image.open(io.BytesIO(base64.b64decode(f))).convert("RGB")) for f in found]


# --- the page as a whole -------------------------------------------------------------------------


def test_the_page_says_everything_and_loads_nothing():
    html = page_html(make_page())
    reader = read(html)
    text = " ".join(reader.words)
    for words in ("Depth and range", "Frames", "Ledger", "Provenance", *ARMS, "AbsRel 0.2000"):
        assert words in text.replace("\u00a0", " ")
    assert reader.links
    assert all(re.match(r"#|data:image/(webp|png);base64,", link) for link in reader.links)
    assert "http://" not in html
    assert "https://" not in html
    assert "@import" not in html
    assert all(each.startswith("url(#") for each in re.findall(r"url\([^)]*\)", html))
    (policy,) = reader.of("meta", **{"http-equiv": "Content-Security-Policy"})
    assert policy["content"].startswith("default-src 'none'; img-src data:;")
    assert "prefers-color-scheme: dark" in html
    assert "@media print" in html


def test_every_link_leads_somewhere():
    reader = read(page_html(make_page()))
    targets = [link[1:] for link in reader.links if link.startswith("#")]
    assert {"errors", "range", "frames", "ledger", "provenance", "frame-1", "frame-2"} == set(
        targets
    )
    assert set(targets) <= set(reader.ids)


def test_hostile_words_are_words():
    arms = (EVIL, EVIL + "2")
    html = page_html(make_page(words=EVIL, arms=arms))
    reader = read(html)
    assert reader.tags.count("script") == 1
    # Thermal, RGB once, truth, and two pictures per arm.
    assert reader.tags.count("img") == 2 * (2 + 2 * len(arms)) + 1
    assert "<script>alert" not in html
    text = " ".join(reader.words)
    assert text.count(EVIL) > 30
    assert f"{EVIL} 2" in text  # a cell of a table


def test_the_same_input_gives_the_same_bytes(tmp_path):
    first, second = tmp_path / "a.html", tmp_path / "b.html"
    write_page(first, make_page())
    write_page(second, make_page())
    assert first.read_bytes() == second.read_bytes()


def test_what_is_empty_is_left_out():
    html = page_html(EvaluationPage(title="Nothing", facts={}))
    reader = read(html)
    assert "section" not in reader.tags
    assert "select" not in reader.tags


def test_two_sections_of_one_anchor_are_our_own_mistake():
    section = PageSection(anchor="frames", heading="x", tables=[make_table()])
    with pytest.raises(AssertionError, match="one anchor"):
        page_html(make_page(sections=[section]))


def test_the_pictures_come_after_the_first_tables_and_the_bars_with_the_ledger():
    html = page_html(make_page())
    order = re.findall(r'<section id="(\w+)"', html)
    assert order == ["errors", "range", "frames", "ledger", "provenance"]
    ledger = html.split('<section id="ledger">')[1]
    assert ledger.index('class="ledger"') < ledger.index("<table")
    alone = page_html(make_page(sections=[]))
    assert "Error ledger" in alone


def test_long_tables_are_sorted_by_a_press():
    long = PageSection(anchor="scale", heading="Scale", tables=[make_table(rows=13)])
    short = PageSection(anchor="scale", heading="Scale", tables=[make_table(rows=12)])
    assert 'class="sortable"' in page_html(make_page(sections=[long]))
    assert 'class="sortable"' not in page_html(make_page(sections=[short]))


# --- scenes --------------------------------------------------------------------------------------


def test_a_scene_has_a_viewer_of_all_its_pictures():
    reader = read(page_html(make_page(scenes=[make_scene()])))
    (slider,) = reader.of("div", role="slider")
    assert slider["tabindex"] == "0"
    assert (slider["aria-valuemin"], slider["aria-valuenow"], slider["aria-valuemax"]) == (
        "0",
        "50",
        "100",
    )
    assert slider["aria-label"]
    assert len(reader.of("select")) == 2
    # Each side may show each picture: thermal, RGB, truth, three predictions, three errors.
    options = [a["value"] for a in reader.of("option")]
    assert options == [str(n) for n in range(9)] * 2
    chosen = [a["value"] for a in reader.of("option") if "selected" in a]
    assert chosen == ["0", "3"]  # thermal, and the first arm's prediction
    assert len(reader.of("img")) == 9
    # Without the script there are the pictures alone.
    (viewer,) = reader.of("div", **{"class": "viewer"})
    assert "hidden" in viewer


def test_one_arm_without_rgb():
    html = page_html(make_page(arms=("model",), scenes=[make_scene(arms=("model",), rgb=False)]))
    reader = read(html)
    assert [a["alt"].split(",")[0] for a in reader.of("img")] == [
        "Thermal",
        "Truth",
        "Prediction: model",
        "Error: model",
    ]
    assert html.count('class="tiles ') == 1


def test_a_scene_without_a_thermal_picture_starts_at_the_truth():
    for rgb, names in ((False, ["Truth"]), (True, ["RGB", "Truth"])):
        scene = replace(make_scene(arms=("model",), rgb=rgb), thermal=None)
        reader = read(page_html(make_page(arms=("model",), scenes=[scene])))
        shown = [a["alt"].split(",")[0] for a in reader.of("img")]
        assert shown == [*names, "Prediction: model", "Error: model"]
        chosen = [int(a["value"]) for a in reader.of("option") if "selected" in a]
        assert [shown[n] for n in chosen] == ["Truth", "Prediction: model"]


def test_a_depth_beyond_the_colours_is_said_at_their_end():
    def words_of(factor, part=1.0):
        scene = make_scene(arms=("model",))
        truth = np.where(np.isnan(scene.truth_m), 10.0, scene.truth_m)
        rows = round(part * len(truth))
        scene.predictions["model"][:] = truth
        scene.predictions["model"][:rows] *= np.float32(factor)
        near, far = np.nanpercentile(scene.truth_m, (1, 99))
        text = "\n".join(read(page_html(make_page(scenes=[scene], densities={}))).words)
        return text, f"≤ {near:.3g}", f"≥ {far:.3g}"

    text, low, high = words_of(1.0)
    assert low not in text
    assert high not in text
    text, low, high = words_of(100.0)
    assert low not in text
    assert high in text
    assert f"model is farther than {high[2:]} m" in text
    text, low, high = words_of(0.01)
    assert low in text
    assert high not in text
    assert f"model is nearer than {low[2:]} m" in text
    text, low, high = words_of(
        100.0, part=0.5
    )  # half of the picture: no wonder, but said at the end
    assert high in text
    assert "model is farther" not in text


def test_a_scene_without_predictions_shows_the_truth():
    reader = read(page_html(make_page(scenes=[make_scene(arms=())])))
    assert [a["value"] for a in reader.of("option") if "selected" in a] == ["0", "2"]
    assert len(reader.of("img")) == 3


def test_pixels_without_a_prediction_or_truth_are_grey():
    scene = make_scene(arms=("model",), rgb=False, size=(32, 64))
    scene.predictions["model"][16:, :32] = np.nan
    _, truth, prediction, error = pictures(page_html(make_page(scenes=[scene], densities={})))
    grey = np.array([152, 152, 152])
    assert np.all(truth[:8] == grey)
    assert not np.any(np.all(truth[8:] == grey, axis=-1))
    assert np.all(error[:8] == grey)
    assert np.all(error[16:, :32] == grey)
    # The prediction's picture loses a little in its encoding.
    assert np.abs(prediction[20:, 4:28].astype(int) - grey).max() <= 6


def test_the_error_is_blue_where_too_near_red_where_too_far_and_white_where_right():
    scene = make_scene(arms=("model",), rgb=False, size=(32, 60))
    factor = np.repeat([0.5, 1.0, 2.0], 20)[None].astype(np.float32)
    scene.predictions["model"][:] = np.where(np.isnan(scene.truth_m), 1, scene.truth_m) * factor
    error = pictures(page_html(make_page(scenes=[scene])))[3].astype(int)
    near, right, far = (error[20, column] for column in (10, 30, 50))
    assert near[2] > near[0] + 50
    assert far[0] > far[2] + 50
    assert right.min() > 240


def test_points_of_sparse_truth_are_enlarged_and_the_page_says_so():
    scene = make_scene(arms=("model",), rgb=False, sparse=True, size=(40, 80))
    html = page_html(make_page(scenes=[scene]))
    _, truth, _, error = pictures(html)
    assert "drawn enlarged" in html
    known = ~np.all(truth == 152, axis=-1)
    assert known[-3 - 2 : -3 + 3, 3:8].all()  # two pixels to every side of the point at (-3, 5)
    assert known.mean() > 5 * np.isfinite(scene.truth_m).mean()
    assert not known.all()
    np.testing.assert_array_equal(known, ~np.all(error == 152, axis=-1))
    dense = page_html(make_page(scenes=[make_scene()]))
    assert "drawn enlarged" not in dense


def test_wide_frames_are_shown_smaller_and_keep_their_points():
    scene = make_scene(arms=("model",), rgb=False, sparse=True, size=(64, 1280))
    thermal, truth, _, _ = pictures(page_html(make_page(scenes=[scene])))
    assert thermal.shape == truth.shape == (32, 640, 3)
    assert not np.all(truth[8:] == 152, axis=-1).all()


@pytest.mark.parametrize("sharp", [True, False])
def test_seven_scenes_of_noise_stay_below_six_megabytes(sharp):
    # Thermal, RGB, truth, and two pictures for each of four arms: no real frame is harder than noise.
    count = 7 * (3 + 2 * 4)
    noise = np.random.default_rng(0).integers(0, 255, (256, 640, 3)).astype(np.uint8)
    content = encoded(noise, most_bytes=MOST_BYTES // count, sharp=sharp)
    assert count * len(content) * 4 / 3 < 5_700_000


def test_scenes_that_cannot_be_shown_are_named():
    lost = make_scene(arms=("model",), words="lost")
    with pytest.raises(DataError, match="frame 'lost': no prediction of 'mean-depth map'"):
        page_html(make_page(scenes=[make_scene(), lost]))
    blind = replace(make_scene(words="blind"), truth_m=np.full((24, 40), np.nan))
    with pytest.raises(DataError, match="frame 'blind': no map holds"):
        page_html(make_page(scenes=[blind]))


def test_maps_of_different_sizes_are_our_own_mistake():
    with pytest.raises(AssertionError, match="different sizes"):
        replace(make_scene(), truth_m=np.ones((3, 3)))


def test_structures_have_a_row_a_scale_and_a_place_in_the_viewer():
    scene = make_scene(arms=("model", "other"), rgb=False)
    inverse = 1 / np.where(np.isnan(scene.truth_m), 4.0, scene.truth_m)
    scene = replace(scene, structures={"teacher": inverse, "model": inverse, "other": None})
    html = page_html(make_page(scenes=[scene]))
    names = [a["alt"].split(",")[0] for a in read(html).of("img")]
    # The teacher, who predicts no depth, stands with the inputs.
    assert names[:3] == ["Thermal", "Truth", "Structure: teacher"]
    assert names[-2:] == ["Structure: model", "Structure: other"]
    groups = [a["label"] for a in read(html).of("optgroup")]
    assert groups[:4] == ["Input and truth", "Depth", "Error", "Structure"]
    assert "Structure (1/m), near is bright" in html
    assert "Structure of other (no fit)" in html
    *_, fitted, unfitted = pictures(html)
    assert np.all(np.abs(unfitted.astype(int) - 152) <= 2)
    assert fitted[-2].mean() > fitted[10].mean() + 50  # the near end of the ramp is bright
    assert "Structure (1/m)" not in page_html(make_page(scenes=[make_scene()]))


def test_two_arms_may_stand_against_each_other_at_first():
    (html,) = scenes_html([make_scene(rgb=False)], arms_first=True)
    chosen = [int(a["value"]) for a in read(html).of("option") if "selected" in a]
    names = [a["alt"].split(",")[0] for a in read(html).of("img")]
    assert [names[n] for n in chosen] == ["Prediction: model", "Prediction: mean-depth map"]
    (alone,) = scenes_html([make_scene(arms=("model",), rgb=False)], arms_first=True)
    assert [a["value"] for a in read(alone).of("option") if "selected" in a] == ["0", "2"]


def test_rows_of_many_pictures_are_drawn_smaller():
    many = page_html(make_page(scenes=[make_scene(arms=tuple("abcdef"))], densities={}))
    assert many.count('class="tiles prediction many"') == 1
    assert 'class="tiles input"' in many
    assert ' many"' not in page_html(make_page(scenes=[make_scene()]))


def test_tinted_cells_keep_their_class_and_strength():
    html = table_html(make_table(), tints={(1, 1): Tint(good=True, share=0.5)})
    read(html)
    assert html.count('<td class="num good" style="--share:0.500">') == 1
    assert html.count("--share") == 1


# --- figures -------------------------------------------------------------------------------------


def numbers(html):
    """Every coordinate of every path."""
    return [float(n) for d in re.findall(r' d="([^"]+)"', html) for n in re.findall(r"-?[\d.]+", d)]


def test_charts_are_well_formed_and_have_every_arm():
    densities = make_densities()
    for html in (scatter_figures(densities), range_figures(densities)):
        read(html)
        assert all(arm in html for arm in ARMS)
        assert "nan" not in html
        assert all(math.isfinite(n) for n in numbers(html))
    assert range_figures(densities).count('class="line arm-0"') == 3  # legend and two charts
    assert range_figures(densities).count('class="quartiles"') == 1


def test_the_cells_of_a_scatter_cover_the_filled_bins_once():
    (density,) = make_densities(("model",)).values()
    html = scatter_figures({"model": density})
    covered = np.zeros_like(density.counts)
    places = np.flatnonzero(density.counts.sum(axis=0) + density.counts.sum(axis=1))
    low = places[0]
    for column, row, length in re.findall(r"M(\d+) (\d+)h1v(\d+)h-1z", html):
        start = int(row) + low
        covered[int(column) + low, start : start + int(length)] += 1
    np.testing.assert_array_equal(covered, density.counts > 0)


def test_a_baseline_that_is_far_off_does_not_flatten_the_first_arm():
    protocol = named_protocol("synthetic")
    truth = np.geomspace(1, 50, 5_000)
    good = density_of(protocol, truth * np.linspace(0.95, 1.05, 5_000), truth)
    constant = density_of(protocol, np.full(5_000, 70.0), truth)
    html = range_figures({"good": good, "constant": constant})
    assert "×2<" in html
    assert "×10<" not in html


def test_densities_without_pixels_draw_nothing_wrong():
    empty = density_of(named_protocol("synthetic"), np.zeros(0), np.zeros(0))
    read(scatter_figures({"model": empty}))
    assert "no pixels" in scatter_figures({"model": empty})
    assert range_figures({"model": empty}) == ""


def test_ledger_bars_add_up_and_say_their_parts():
    html = ledger_figure({"a": {"scale": 3.0, "shape": 1.0}, "b": {"shape": 2.0, "scale": 0.0}})
    reader = read(html)
    bars = [a for a in reader.of("rect") if a["class"].startswith("part-")]
    # One colour a part in both bars; a part of nothing is not drawn.
    assert [(a["class"], a["width"]) for a in bars] == [
        ("part-0", "75.000%"),
        ("part-1", "25.000%"),
        ("part-1", "100.000%"),
    ]
    assert bars[1]["x"] == "75.000%"
    sizes = [a["width"] for a in reader.of("rect", **{"class": "size"})]
    assert sizes == ["100.000%", "50.000%"]  # 4 and 2
    assert "scale 75 %" in reader.words
    assert "4.00" in reader.words


def test_a_ledger_of_nothing_and_one_below_zero():
    read(ledger_figure({"a": {"scale": 0.0}}))
    with pytest.raises(AssertionError, match="ledger of a"):
        ledger_figure({"a": {"scale": -1.0}})


def test_labels_that_do_not_fit_are_left_to_the_legend():
    parts = {"a very long name of a part": 1.0, "rest": 99.0}
    reader = read(ledger_figure({"a": parts}))
    labels = [w for w in reader.words if w.endswith("%")]
    assert not any(label.startswith("a very long") for label in labels if "," not in label)
    assert "a very long name of a part" in reader.words
