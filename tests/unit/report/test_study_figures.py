"""Figures: any arms, any frames, the same bytes, and one honest scale per row."""

import io
import sys
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from PIL import Image

from thermodepth.colour import NO_VALUE, colour_inverse, depth_limits
from thermodepth.errors import DataError, StudyError
from thermodepth.evaluation.store import StoredPrediction
from thermodepth.report.grid import Scale, printable, shorten, text_width, wrap
from thermodepth.report.study import figures
from thermodepth.report.study import scenes as pages
from thermodepth.report.study.figures import figure, figure_arms, write_figures
from thermodepth.study.arm import ArmLabel
from thermodepth.study.results.fitted_scenes import fit_scene

KINDS = ["structure", "metric"]


def draw(kind, scenes, arms):
    fitted = [fit_scene(scene) for scene in scenes]
    return figure(kind, fitted, arms=arms, seed=0, rule="Frames chosen by rule.")


def picked_scene(scene, arms):
    return pages.picked_scene(fit_scene(scene), arms)


def picture_of(drawn):
    return np.asarray(Image.open(io.BytesIO(drawn.png)))


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_scene_gives_the_same_bytes(kind, make_scene, arms):
    loaded = "matplotlib.pyplot" in sys.modules  # another test may have; drawing must not
    first = draw(kind, [make_scene(arms)], arms)
    assert first.png == draw(kind, [make_scene(arms)], arms).png
    assert not any(word in first.png for word in (b"tIME", b"tEXt", b"iTXt", b"Software"))
    assert ("matplotlib.pyplot" in sys.modules) == loaded


def test_a_person_s_style_changes_nothing(make_scene, arms):
    import matplotlib

    plain = draw("metric", [make_scene(arms)], arms).png
    with matplotlib.rc_context({"font.size": 40, "image.origin": "lower", "axes.grid": True}):
        assert draw("metric", [make_scene(arms)], arms).png == plain
        assert matplotlib.rcParams["font.size"] == 40


@pytest.mark.parametrize(("count", "scenes"), [(2, 1), (8, 2)])
@pytest.mark.parametrize("kind", KINDS)
def test_any_number_of_arms_and_frames_of_any_shape(kind, count, scenes, make_scene):
    arms = [ArmLabel(name=f"a{n}", title=f"Arm {n}") for n in range(count)]
    sizes = [(20, 60), (50, 20)]
    made = [
        make_scene(arms, size=size, prediction_size=(16, 16), label=False)
        for size in sizes[:scenes]
    ]
    picture = picture_of(draw(kind, made, arms))
    assert picture.ndim == 3
    assert 1200 < picture.shape[1] < 2700


def test_too_many_or_too_few_are_refused(make_scene, arms):
    with pytest.raises(StudyError, match="2 to 8 arms"):
        draw("metric", [make_scene(arms)], arms[:1])
    with pytest.raises(StudyError, match="1 to 6 scenes"):
        draw("metric", [], arms)
    scene = make_scene(arms[:2])
    with pytest.raises(StudyError, match="no prediction of arm 'no-smooth'"):
        draw("metric", [scene], arms)
    blind = replace(scene, sample=replace(scene.sample, depth_m=None))
    with pytest.raises(DataError, match="street-day-1"):
        draw("structure", [blind], arms[:2])


def test_names_of_every_kind_are_drawn_without_a_warning(make_scene):
    titles = ["$\\frac{1}{$ <b>&", "손실 함수 🌡", "x" * 200, "", "a\nb"]
    arms = [ArmLabel(name=f"a{n}", title=title) for n, title in enumerate(titles)]
    scene = make_scene(arms, sample_id="$^_{ 夜 " + "y" * 300)
    assert draw("metric", [scene], arms).png


def test_structure_is_drawn_aligned_to_the_inverse_truth(make_scene, arms):
    scene = make_scene(arms[:2])
    truth = 1 / np.where(np.isfinite(scene.sample.depth_m), scene.sample.depth_m, np.nan)
    low, high = depth_limits([truth])
    full = scene.predictions["full"].structure
    exact = replace(
        scene,
        predictions={
            "full": StoredPrediction(depth_m=full, structure=7 * full - 3),
            "no-silog": StoredPrediction(depth_m=full, structure=-full),
        },
    )
    row = figures._structure_row(fit_scene(exact), arms[:2], with_label=True)
    thermal, label, inverse, fitted, turned = row.panels
    known = np.isfinite(truth)
    # One step of the palette: the fit is exact up to the map's own precision.
    assert_allclose(fitted.picture[known].astype(int), inverse.picture[known], atol=6)
    assert_allclose(label.picture[known].astype(int), inverse.picture[known], atol=6)
    assert tuple(inverse.picture[0, 0]) == NO_VALUE
    assert tuple(fitted.picture[0, 0]) != NO_VALUE
    assert len(np.unique(turned.picture.reshape(-1, 3), axis=0)) == 1
    assert (fitted.corner, turned.corner, label.corner) == ("", "no fit", "")
    assert thermal.picture.shape == (24, 32, 3)
    assert_array_equal(inverse.picture, colour_inverse(truth, low=low, high=high))


def test_the_scale_of_a_row_is_set_by_its_truth_alone(make_scene, arms):
    scene = make_scene(arms)
    wild = replace(
        scene,
        predictions={
            name: StoredPrediction(depth_m=p.depth_m * 9, structure=p.structure)
            for name, p in scene.predictions.items()
        },
    )
    one, two = (figures._metric_row(fit_scene(each), arms) for each in (scene, wild))
    assert one.scale == two.scale


def test_scores_stand_in_the_corners_of_the_metric_figure(make_scene, arms):
    panels = figures._metric_row(fit_scene(make_scene(arms)), arms).panels
    assert [panel.corner for panel in panels[:4]] == ["", "", "0.000", "0.100"]


def test_captions_say_what_a_reader_must_know(make_scene, arms, tmp_path):
    scene = make_scene(arms)
    structure, metric = (draw(kind, [scene], arms) for kind in KINDS)
    assert "least squares" in structure.caption
    assert "label of the teacher" in structure.caption
    assert "RGB" not in draw("structure", [make_scene(arms, label=False)], arms).caption
    assert "logarithmic" in metric.caption
    for drawn in (structure, metric):
        assert "(e) No Smooth & Consistency; seed 0" in drawn.caption
        assert drawn.caption.endswith("Frames chosen by rule.")
    written = write_figures(tmp_path, [structure, metric])
    assert [p.name for p in written] == ["fig1_structure.png", "fig2_metric.png", "figures.md"]
    assert "](fig1_structure.png)" in written[-1].read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("low", "high", "logarithmic"),
    [
        (0.3, 80, True),
        (0.95, 1.07, True),
        (0.01, 900, True),
        (2.6, 11, True),
        (0.28, 0.94, False),
        (-3, 4, False),
        (1e-6, 3e-6, False),
    ],
)
def test_ticks_are_few_ordered_and_apart(low, high, logarithmic):
    scale = Scale(low=low, high=high, logarithmic=logarithmic)
    ticks = scale.ticks(apart=0.15)
    places = [scale.place(tick) for tick in ticks]
    assert 2 <= len(ticks) <= 6
    assert all(-1e-6 <= p <= 1 + 1e-6 for p in places)
    assert all(b - a >= 0.15 for a, b in pairwise(places))
    assert all(float(f"{tick:.3g}") == tick for tick in ticks)


def test_text_is_fitted_to_its_room():
    assert wrap("No Smooth", 3, lines=3) == ["No Smooth"]
    lines = wrap("one two three four five six seven eight nine ten eleven", 1.0, lines=3)
    assert len(lines) == 3
    assert lines[-1].endswith("…")
    assert all(text_width(line, size=8.5, weight="bold") <= 1.0 for line in lines)
    assert shorten("short", 5, size=8) == "short"
    assert printable("a\n夜") == "a □"


# --- the page's viewer ---------------------------------------------------------------------------


def test_a_figure_takes_the_reference_and_the_first_others():
    arms = [ArmLabel(name=f"a{n}", title=f"Arm {n}") for n in range(12)]
    kept = [arm.name for arm in figure_arms(arms, "a10")]
    assert kept == ["a0", "a1", "a2", "a3", "a4", "a5", "a6", "a10"]
    assert figure_arms(arms[:3], "a1") == arms[:3]


def test_a_figure_of_some_arms_says_so(make_scene, arms):
    some = figure(
        "metric", [fit_scene(make_scene(arms))], arms=arms[:2], seed=0, rule="Rule.", total=5
    )
    assert "2 of 5 arms" in some.caption
    assert "of 5 arms" not in draw("metric", [make_scene(arms)], arms).caption


def test_the_viewer_shows_every_arm_in_the_size_of_the_frame(make_scene, arms):
    scene = make_scene(arms, prediction_size=(12, 16))
    picked = picked_scene(scene, arms)
    assert list(picked.predictions) == [arm.title for arm in arms]
    assert list(picked.structures) == ["Teacher", *(arm.title for arm in arms)]
    assert all(m.shape == (24, 32) for m in picked.predictions.values())
    assert picked.scores["No Smooth"] == {"abs_rel": pytest.approx(0.2)}
    truth = picked.truth_m
    assert np.isnan(truth[:6]).all()
    # The label is 3 / d + 1, so its fit is the inverse truth itself.
    assert_allclose(picked.structures["Teacher"][6:], 1 / truth[6:], rtol=1e-5)


def test_a_structure_that_a_negative_factor_would_fit_has_no_picture(make_scene, arms):
    scene = make_scene(arms[:2])
    turned = replace(scene.predictions["full"], structure=-scene.predictions["full"].structure)
    picked = picked_scene(
        replace(scene, predictions={**scene.predictions, "full": turned}), arms[:2]
    )
    assert picked.structures["All losses"] is None
    assert picked.structures["No SiLog"] is not None


def test_arms_of_one_title_are_told_apart(make_scene):
    arms = [ArmLabel(name="a", title="Same"), ArmLabel(name="b", title="Same")]
    assert list(picked_scene(make_scene(arms), arms).predictions) == ["Same (a)", "Same (b)"]


def test_arms_of_one_title_keep_their_own_maps_and_scores(make_scene):
    arms = [ArmLabel(name="a", title="Same"), ArmLabel(name="b", title="Same")]
    scene = make_scene(arms)
    picked = picked_scene(scene, arms)
    for arm in arms:
        title = f"Same ({arm.name})"
        assert_allclose(picked.predictions[title], scene.predictions[arm.name].depth_m, rtol=1e-5)
        assert picked.scores[title] == {"abs_rel": scene.scores[arm.name]}
    one, two = (picked.structures[f"Same ({arm.name})"] for arm in arms)
    assert not np.allclose(one, two)


def test_an_arm_titled_like_the_teacher_does_not_take_its_place(make_scene):
    arms = [ArmLabel(name="a", title="Teacher"), ArmLabel(name="b", title="Other")]
    scene = make_scene(arms)
    wrong = StoredPrediction(
        depth_m=scene.predictions["a"].depth_m, structure=scene.predictions["a"].structure ** 3
    )
    picked = picked_scene(replace(scene, predictions={**scene.predictions, "a": wrong}), arms)
    assert len(picked.structures) == 3
    assert_allclose(picked.structures["Teacher"][6:], 1 / picked.truth_m[6:], rtol=1e-5)
    # What has a prediction stands with the arms, and the teacher with the inputs.
    assert "Teacher" not in picked.predictions
