"""Settings of the losses, schedules, weighing and the report."""

from __future__ import annotations

import copy
import pickle
import warnings
from dataclasses import replace
from typing import Any

import pytest
import torch

from thermodepth.config import difference, identity
from thermodepth.errors import SettingsError
from thermodepth.losses import (
    LOSSES,
    LossesSettings,
    LossReport,
    TermSettings,
    evaluate,
    weight_at,
)
from thermodepth.losses.maps import Maps
from thermodepth.types import Batch, Prediction


def scene() -> tuple[Prediction, Batch]:
    """Four small random images."""
    draw = torch.Generator().manual_seed(5)
    x = torch.randn(6, 4, 8, 10, generator=draw)
    valid = torch.ones(4, 8, 10, dtype=torch.bool)
    batch = Batch(
        image=x[0][:, None].sigmoid(),
        depth_m=x[1].exp(),
        depth_valid=valid,
        label=x[2],
        label_valid=valid,
        intrinsics=torch.eye(3).expand(4, 3, 3),
        sample_ids=("s0", "s1", "s2", "s3"),
    )
    return Prediction(structure=x[3].requires_grad_(), log_depth=x[4].requires_grad_()), batch


#: What a training descends unless told otherwise.
ON = {name: row for name, row in LOSSES.items() if row.settings().weight > 0}

# --- settings ------------------------------------------------------------------------------------


def test_one_field_per_row_and_the_groups() -> None:
    assert set(LossesSettings.model_fields) == {*LOSSES, "groups"}
    assert LossesSettings().switched_on() == tuple(ON)
    # Those of the published runs; what came later waits for a weight.
    assert set(ON) == {
        *("structure_ssi", "structure_gradient", "structure_smooth", "metric_relative"),
        *("metric_silog", "guided_smooth", "gradient_consistency"),
    }
    for name, row in LOSSES.items():
        assert type(LossesSettings().term(name)) is row.settings


def test_settings_survive_copy_pickle_and_a_round_trip() -> None:
    settings = LossesSettings().edit({"metric_silog.lam": 0.5, "groups.smooth": False})
    assert pickle.loads(pickle.dumps(settings)) == settings
    assert copy.deepcopy(settings) == settings
    assert LossesSettings.parse(settings.tree()) == settings
    assert difference(LossesSettings(), settings) == {
        "groups.smooth": (True, False),
        "metric_silog.lam": (0.85, 0.5),
    }
    assert settings.fingerprint() != LossesSettings().fingerprint()


def test_what_came_later_leaves_the_identity_of_earlier_runs_alone() -> None:
    tree = identity(LossesSettings())
    assert "metric_gradient" not in tree
    assert "form" not in tree["metric_relative"]
    before = {name: dict(part) for name, part in LossesSettings().tree().items()}
    del before["metric_gradient"], before["metric_relative"]["form"]  # as older files have it
    assert LossesSettings.parse(before) == LossesSettings()
    known = {LossesSettings().fingerprint()}
    for edits in (
        {"metric_gradient.weight": 0.1},
        {"metric_gradient.scales": 2},
        {"metric_relative.form": "log"},
    ):
        known.add(LossesSettings().edit(edits).fingerprint())
    assert len(known) == 4


@pytest.mark.parametrize(
    ("edits", "words"),
    [
        ({"metric_relative.form": "mean"}, r"metric_relative\.form.*'log', 'max' or 'symmetric'"),
        ({"groups.smoth": False}, r"groups\.smoth.*did you mean 'smooth'"),
        ({"metric_silogg.weight": 1.0}, "did you mean 'metric_silog'"),
        ({"metric_silog.weight": -1.0}, r"metric_silog\.weight.*greater than or equal to 0"),
        ({"metric_silog.weight": float("inf")}, r"metric_silog\.weight"),
        ({"metric_silog.weight": "2"}, r"metric_silog\.weight"),
        ({"metric_silog.lam": 1.1}, r"metric_silog\.lam.*less than or equal to 1"),
        ({"metric_silog.eps": 0.0}, r"metric_silog\.eps.*greater than 0"),
        ({"structure_ssi.trim": 1.0}, r"structure_ssi\.trim"),
        ({"structure_gradient.scales": 0}, r"structure_gradient\.scales"),
        ({"guided_smooth.edge_sharpness": -0.1}, r"guided_smooth\.edge_sharpness"),
        (
            {"structure_smooth.guide": "structure"},
            r"structure_smooth\.guide.*'thermal' or 'teacher'",
        ),
        ({"gradient_consistency.space": "metres"}, "'inverse', 'log' or 'depth'"),
        ({"gradient_consistency.detach": "both"}, "'none', 'structure' or 'metric'"),
        ({"metric_silog.start": 0.7, "metric_silog.ramp": 0.4}, "past the end of training"),
        ({"groups.silog": 1}, r"groups\.silog"),
    ],
)
def test_wrong_settings_are_refused_with_their_path(edits: dict[str, Any], words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        LossesSettings().edit(edits)


def test_nothing_to_learn_is_refused() -> None:
    with pytest.raises(SettingsError, match="no loss term is on"):
        LossesSettings().edit({f"{name}.weight": 0.0 for name in LOSSES})
    always = {f"{name}.weight": 0.0 for name, row in LOSSES.items() if row.group == "always"}
    groups = {"groups.silog": False, "groups.smooth": False, "groups.consistency": False}
    assert LossesSettings().edit(always).switched_on()
    with pytest.raises(SettingsError, match="no loss term is on"):
        LossesSettings().edit({**always, **groups})


def test_a_training_that_begins_with_nothing_is_refused() -> None:
    late = {f"{name}.start": 0.25 for name in LOSSES}
    with pytest.raises(SettingsError, match=r"before 0\.25 .*losses\.structure_ssi\.start=0"):
        LossesSettings().edit(late)
    LossesSettings().edit({**late, "metric_relative.start": 0.0})


@pytest.mark.parametrize(
    ("edits", "words"),
    [
        ({"metric_silog.start": 1.0}, r"losses\.metric_silog starts at 1\.0"),
        (
            {"guided_smooth.guide": "thermal", "guided_smooth.edge_sharpness": 0.0},
            r"losses\.guided_smooth\.guide=thermal has no effect",
        ),
        (
            {"structure_smooth.guide": "teacher", "structure_smooth.edge_sharpness": 0.0},
            r"losses\.structure_smooth\.guide=teacher has no effect",
        ),
        (
            {"structure_smooth.guide": "teacher", "structure_smooth.pixels": "all"},
            r"losses\.structure_smooth\.pixels=all has no effect",
        ),
    ],
)
def test_a_setting_without_effect_warns(edits: dict[str, Any], words: str) -> None:
    with pytest.warns(UserWarning, match=words):
        LossesSettings().edit(edits)
    off = {"groups.silog": False, "groups.smooth": False}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        LossesSettings().edit({**edits, **off})


# --- schedules -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("start", "ramp", "progress", "expected"),
    [
        (0.0, 0.0, 0.0, 2.0),
        (0.3, 0.0, 0.29, 0.0),
        (0.3, 0.0, 0.3, 2.0),
        (0.2, 0.4, 0.2, 0.0),
        (0.2, 0.4, 0.3, 0.5),
        (0.2, 0.4, 0.6, 2.0),
        (0.2, 0.4, 1.0, 2.0),
        (0.0, 1.0, 0.5, 1.0),
    ],
)
def test_weight_at(start: float, ramp: float, progress: float, expected: float) -> None:
    settings = TermSettings(weight=2.0, start=start, ramp=ramp)
    assert weight_at(settings, progress) == pytest.approx(expected)


# --- evaluate ------------------------------------------------------------------------------------


def test_total_is_the_mean_of_the_weighted_sum() -> None:
    prediction, batch = scene()
    settings = LossesSettings().edit({"metric_silog.weight": 3.0, "metric_silog.ramp": 0.5})
    report = evaluate(prediction, batch, settings, progress=0.25)
    assert list(report.terms) == list(ON)
    assert report.weights["metric_silog"] == pytest.approx(1.5)
    total = torch.zeros(4)
    for name, row in ON.items():
        alone = row.function(prediction, batch, settings.term(name))
        assert torch.equal(report.terms[name], alone), "sharing maps must not change a term"
        total += report.weights[name] * alone.detach()
    assert report.total.item() == pytest.approx(total.mean().item())
    means = report.means()
    assert set(means) == {*ON, "total"}
    assert means["metric_silog"].item() == pytest.approx(report.terms["metric_silog"].mean().item())
    assert not any(value.requires_grad for value in means.values())


def test_images_without_truth_do_not_drag_the_mean() -> None:
    prediction, batch = scene()
    settings = LossesSettings()
    whole = evaluate(prediction, batch, settings, progress=1.0)
    assert {count.item() for count in whole.images.values()} == {4}
    valid = batch.depth_valid.clone()
    valid[[1, 3]] = False  # by night, say
    report = evaluate(prediction, replace(batch, depth_valid=valid), settings, progress=1.0)
    for name in ("metric_relative", "metric_silog"):
        values = whole.terms[name]
        assert report.terms[name].tolist() == [values[0].item(), 0.0, values[2].item(), 0.0]
        assert report.mean(name).item() == pytest.approx((values[0] + values[2]).item() / 2)
    for name in set(ON) - {"metric_relative", "metric_silog"}:  # which read all four
        assert report.mean(name).item() == whole.mean(name).item()
    total = sum(report.weights[name] * report.means()[name].item() for name in ON)
    assert report.total.item() == pytest.approx(total)


def test_a_form_that_is_aligned_to_the_truth_is_averaged_where_there_is_truth() -> None:
    prediction, batch = scene()
    settings = LossesSettings().edit({"gradient_consistency.form": "value"})
    whole = evaluate(prediction, batch, settings, progress=1.0)
    valid = batch.depth_valid.clone()
    valid[2] = False
    report = evaluate(prediction, replace(batch, depth_valid=valid), settings, progress=1.0)
    others = whole.terms["gradient_consistency"][[0, 1, 3]]
    assert report.mean("gradient_consistency").item() == pytest.approx(others.mean().item())


def test_a_batch_without_truth_teaches_structure_alone() -> None:
    prediction, batch = scene()
    blind = replace(batch, depth_valid=torch.zeros_like(batch.depth_valid))
    settings = LossesSettings().edit({"groups.consistency": False, "groups.smooth": False})
    report = evaluate(prediction, blind, settings, progress=1.0)
    assert report.mean("metric_silog").item() == report.mean("metric_relative").item() == 0.0
    assert report.has_pixels("metric_silog").item() == 0.0
    assert report.has_pixels("structure_ssi").item() == 1.0
    report.total.backward()  # type: ignore[no-untyped-call]
    assert prediction.log_depth.grad is not None
    assert prediction.structure.grad is not None
    assert not prediction.log_depth.grad.any()
    assert prediction.structure.grad.any()


def test_sharing_maps_does_not_change_a_gradient() -> None:
    prediction, batch = scene()
    settings = LossesSettings()
    maps = (prediction.structure, prediction.log_depth)
    together = torch.autograd.grad(evaluate(prediction, batch, settings, progress=1.0).total, maps)
    apart = torch.zeros(())
    for name, row in ON.items():
        term = settings.term(name)
        apart = apart + term.weight * row.function(prediction, batch, term).mean()
    for a, b in zip(together, torch.autograd.grad(apart, maps), strict=True):
        torch.testing.assert_close(a, b)


@pytest.mark.parametrize(
    ("edits", "progress", "off"),
    [
        ({"groups.silog": False}, 1.0, {"metric_silog"}),
        ({"groups.smooth": False}, 1.0, {"structure_smooth", "guided_smooth"}),
        ({"groups.consistency": False}, 1.0, {"gradient_consistency"}),
        ({"structure_ssi.weight": 0.0}, 1.0, {"structure_ssi"}),
        ({"gradient_consistency.start": 0.5}, 0.4, {"gradient_consistency"}),
        ({"gradient_consistency.ramp": 0.5}, 0.0, {"gradient_consistency"}),
    ],
)
def test_what_is_off_is_not_computed(
    monkeypatch: pytest.MonkeyPatch, edits: dict[str, Any], progress: float, off: set[str]
) -> None:
    def forbidden(*_: Any) -> torch.Tensor:
        raise AssertionError("a term that is off was computed")

    prediction, batch = scene()
    settings = LossesSettings().edit(edits)
    table = {n: replace(row, term=forbidden) if n in off else row for n, row in LOSSES.items()}
    monkeypatch.setattr("thermodepth.losses.report.LOSSES", table)
    report = evaluate(prediction, batch, settings, progress=progress)
    assert set(report.terms) == set(report.weights) == set(ON) - off


def test_both_maps_stay_connected_whatever_is_on() -> None:
    prediction, batch = scene()
    with torch.no_grad():
        prediction.structure[0, 0, 0] = torch.nan
    ramping = {f"{name}.ramp": 0.5 for name in LOSSES}
    report = evaluate(prediction, batch, LossesSettings().edit(ramping), progress=0.0)
    assert report.terms == {}
    assert report.total.item() == 0.0
    report.total.backward()  # type: ignore[no-untyped-call]
    for leaf in (prediction.structure, prediction.log_depth):
        assert leaf.grad is not None
        assert bool((leaf.grad == 0).all())


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_total_is_float32_under_autocast(dtype: torch.dtype) -> None:
    prediction, batch = scene()
    half = Prediction(
        structure=prediction.structure.detach().to(dtype),
        log_depth=prediction.log_depth.detach().to(dtype),
    )
    with torch.autocast("cpu", dtype=torch.bfloat16):
        report = evaluate(half, batch, LossesSettings(), progress=1.0)
    assert report.total.dtype == torch.float32


def test_no_term_ever_sees_autocast(monkeypatch: pytest.MonkeyPatch) -> None:
    observed = []

    def probe(maps: Maps, _: Any) -> torch.Tensor:
        product = maps.structure @ maps.structure.mT  # what autocast would do in half precision
        observed.append((product.dtype, torch.is_autocast_enabled("cpu")))
        return maps.structure.sum((1, 2))

    prediction, batch = scene()
    table = {name: replace(row, term=probe) for name, row in LOSSES.items()}
    monkeypatch.setattr("thermodepth.losses.report.LOSSES", table)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        evaluate(prediction, batch, LossesSettings(), progress=1.0)
        table["metric_silog"].function(prediction, batch, LossesSettings().term("metric_silog"))
    assert observed == [(torch.float32, False)] * (len(ON) + 1)


def test_nonfinite_is_explained_by_term_and_samples() -> None:
    prediction, batch = scene()
    fine = evaluate(prediction, batch, LossesSettings(), progress=1.0)
    assert fine.explain_nonfinite(batch) == ""
    with torch.no_grad():
        prediction.log_depth[1, 2, 3] = torch.nan
        prediction.log_depth[3, 0, 0] = torch.inf
    report = evaluate(prediction, batch, LossesSettings(), progress=1.0)
    assert not bool(report.total.isfinite())
    message = report.explain_nonfinite(batch)
    assert "'metric_relative'" in message, "the first of the table that reads the metric depth"
    assert message.endswith("2 of 4 images: s1, s3")


def test_many_bad_samples_are_counted_and_an_overflow_is_named() -> None:
    _, batch = scene()
    many = replace(batch, sample_ids=tuple(f"s{i}" for i in range(20)))
    bad = LossReport(
        total=torch.tensor(torch.nan),
        terms={"metric_silog": torch.full((20,), torch.nan)},
        weights={},
    )
    assert bad.explain_nonfinite(many).endswith("s6, s7 and 12 more")
    heavy = LossReport(
        total=torch.tensor(torch.inf), terms={"metric_silog": torch.ones(4)}, weights={}
    )
    assert "weight is too large" in heavy.explain_nonfinite(batch)
