"""Metrics under the names of papers and other programs; a name that tells nothing has no direction."""

import pytest

from thermodepth.errors import SettingsError
from thermodepth.metrics import METRICS
from thermodepth.statistics.findings import analyze
from thermodepth.statistics.metric_names import direction_of, known_metric
from thermodepth.statistics.reading import read_measurements

NAMES = {
    "abs_rel": [
        "absrel",
        "Abs Rel ↓",
        "AbsRel",
        "rel",
        "absolute_relative",
        "abs_relative_difference",
    ],
    "sq_rel": ["SqRel", "sq rel", "squared_relative_difference"],
    "rmse": ["RMSE (m)", "rms", "rmse_linear"],
    "rmse_log": ["RMSE log", "logrms", "rmsle"],
    "silog": ["SILog", "si_log", "silog_rmse"],
    "delta_1": [
        "a1",
        "d1",
        "D1",
        "δ1",
        "delta1",
        "acc_1",
        "δ<1.25",
        "d<1.25",
        "delta_1.25",
        "thr1",
    ],
    "delta_2": ["a2", "d2", "δ<1.25²", "delta<1.25^2", "d1.25**2"],
    "delta_3": ["a3", "delta3", "δ < 1.25³", "acc3", "threshold 1.25^3"],
    "mae": ["MAE", "abs_diff"],
    "log10": ["Log10", "log_10", "log10 error"],
}
LOWER = ["iRMSE", "iMAE", "i_rmse", "mse", "D1-all", "LPIPS", "depth_error", "val loss", "eps_acc"]
HIGHER = ["acc", "accuracy", "PSNR", "SSIM", "mIoU", "F1", "δ<1.05"]
UNKNOWN = ["score", "foo", "sharpness", "delta", "a4", "tv", "bias", "scale factor", ""]


@pytest.mark.parametrize(("name", "spellings"), NAMES.items())
def test_other_names_of_ours_run_as_ours_do(name, spellings):
    for spelling in spellings:
        row = known_metric(spelling)
        assert row is not None, spelling
        assert row.name == name, spelling
        assert direction_of(spelling) == METRICS[name].better, spelling


@pytest.mark.parametrize("name", METRICS)
def test_every_metric_of_ours_is_known_by_its_name_and_label(name):
    row = METRICS[name]
    assert known_metric(name) is row
    assert known_metric(row.label) is row
    # What should be close to a value is compared by its distance.
    assert direction_of(name) == ("higher" if row.better == "higher" else "lower")
    assert direction_of(f"{name}.spread") == direction_of(f"{name}.distance") == "lower"


def test_metrics_of_the_field_and_names_that_tell_nothing():
    assert [direction_of(name) for name in LOWER] == ["lower"] * len(LOWER)
    assert [direction_of(name) for name in HIGHER] == ["higher"] * len(HIGHER)
    assert [direction_of(name) for name in UNKNOWN] == [None] * len(UNKNOWN)
    # Of a name with a point only a form is a form.
    assert direction_of("score.spread") == "lower"
    assert direction_of("d1.25") == "higher"


@pytest.fixture
def measured(tmp_path):
    lines = ["arm,seed,image,cluster,metric,value"]
    for arm, gain in (("base", 0.0), ("ours", 0.5)):
        for seed in range(3):
            for image in range(6):
                noise = 0.01 * ((7 * seed + 3 * image + len(arm)) % 5)
                lines += [
                    f"{arm},{seed},i{image},d{image},{metric},{2 + gain + noise}"
                    for metric in ("score", "a1", "irmse")
                ]
    path = tmp_path / "t.csv"
    path.write_text("\n".join(lines) + "\n")
    return read_measurements(path)


def test_no_verdict_without_a_direction_and_the_right_one_with_it(measured):
    found = analyze(measured, reference="base")
    verdicts = {s.comparison.metric: s.verdict for s in found.tested}
    assert verdicts == {"score": None, "a1": "better", "irmse": "worse"}
    assert found.primary == ("a1", "irmse")
    assert set(found.best) == {"a1", "irmse"}
    (score,) = [s for s in found.tested if s.comparison.metric == "score"]
    assert score.comparison.scope == "both"  # its interval is there
    assert score.comparison.win_rate is None
    assert [s.family for s in found.tested if s.declared] == [2, 2]

    said = analyze(measured, reference="base", better={"score": "higher", "a1": "lower"})
    verdicts = {s.comparison.metric: s.verdict for s in said.tested}
    assert verdicts == {"score": "better", "a1": "worse", "irmse": "worse"}


def test_a_primary_metric_needs_a_direction(measured):
    with pytest.raises(SettingsError, match="primary metric score: say which way is better"):
        analyze(measured, reference="base", primary=["score"])


def test_a_table_of_directionless_metrics_alone_has_intervals(measured):
    found = analyze({"score": measured["score"]}, reference="base")
    assert (found.primary, dict(found.best), dict(found.plans)) == ((), {}, {})
    (only,) = found.tested
    assert (only.verdict, only.declared, only.family) == (None, False, 0)
    with pytest.raises(SettingsError, match="no verdict without knowing which way is better"):
        only.comparison.verdict(0.01)
