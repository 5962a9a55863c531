"""What loss terms weigh: from logs and cells to what stands beside a verdict, and back from the folder."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from thermodepth.checksums import write_record
from thermodepth.data import open_dataset
from thermodepth.errors import DataError, SettingsError
from thermodepth.evaluation.protocols.named import named_protocol
from thermodepth.losses import LossesSettings
from thermodepth.model.network import build_network
from thermodepth.recipes import named_study, named_training
from thermodepth.report.study.readings import reading_notes
from thermodepth.report.study.shares_table import shares_table
from thermodepth.statistics.questions import Question
from thermodepth.study.end_shares import MOST_FRAMES, SHARES, shares_at_end, shares_in
from thermodepth.study.results.cells import CellRecord
from thermodepth.study.results.shares import (
    ArmShares,
    arm_shares,
    loss_shares,
    map_share,
    pooled,
    study_shares,
    switched_by,
)
from thermodepth.study.results.training_logs import Curve
from thermodepth.study.switched_record import FILE, switched_in, write_switched
from thermodepth.training.diagnostics.shares import GradientShares, MapShares
from thermodepth.training.labels import make_labels
from thermodepth.training.settings import TrainingSettings

EDGES = (1.0, 4.0, 16.0, 40.0)


def look(pixels: tuple[int, ...], **terms: tuple[float, ...]) -> GradientShares:
    return GradientShares(
        frames=2, edges_m=EDGES, maps={"log_depth": MapShares(pixels=pixels, terms=terms)}
    )


def losses(**edits: float) -> LossesSettings:
    """Two terms alone: relative with weight 1, SiLog with 2."""
    off = {f"groups.{name}": False for name in ("smooth", "consistency")}
    off |= {f"{name}.weight": 0.0 for name in ("structure_ssi", "structure_gradient")}
    return LossesSettings().edit({**off, "metric_silog.weight": 2.0, **edits})


# --- of the loss -----------------------------------------------------------------------------------


def test_the_share_of_the_loss_is_weighted_and_of_the_last_quarter() -> None:
    columns = {
        "metric_relative": ((20.0, 9.0), (40.0, 9.0), (60.0, 9.0), (80.0, 1.0)),
        "metric_silog": ((20.0, 1.0), (40.0, 1.0), (60.0, 1.0), (80.0, 1.5)),
        "total": ((20.0, 11.0),),
    }
    curve = Curve(arm="full", seed=0, columns=columns)
    shares = loss_shares(curve, losses(), steps=80)
    assert shares == pytest.approx({"metric_relative": 1 / 4, "metric_silog": 3 / 4})


def test_lines_count_by_their_steps_and_by_the_weight_of_their_time() -> None:
    """Steps 80 to 89 and 90 to 99 of 100; the ramp from .8 to 1 is 0 to .45 and .5 to .95, times 2."""
    columns = {
        "metric_relative": ((80.0, 5.0), (90.0, 1.0), (100.0, 2.0)),
        "metric_silog": ((90.0, 4.0), (100.0, 4.0)),
    }
    settings = losses(**{"metric_silog.start": 0.8, "metric_silog.ramp": 0.2})
    shares = loss_shares(Curve(arm="full", seed=0, columns=columns), settings, steps=100)
    # The line of step 80 covers all 80 steps before it, and ends in the last quarter.
    relative, silog = 80 * 5 + 10 * 1 + 10 * 2, 10 * 4 * 2 * (0.225 + 0.725)
    assert shares["metric_silog"] == pytest.approx(silog / (silog + relative))


def test_a_short_log_has_its_last_line_and_an_empty_one_nothing() -> None:
    short = Curve(arm="full", seed=0, columns={"metric_relative": ((20.0, 1.0),)})
    assert loss_shares(short, losses(), steps=80) == {"metric_relative": 1.0}
    assert loss_shares(Curve(arm="full", seed=0, columns={}), losses(), steps=80) == {}


# --- of the gradients ------------------------------------------------------------------------------


def test_seeds_are_pooled_by_their_pixels() -> None:
    one = look((10, 0, 0, 5), a=(0.2, 0.0, 0.0, 1.0), b=(0.8, 0.0, 0.0, 0.0))
    other = look((30, 4, 0, 0), a=(0.6, 0.5, 0.0, 0.0))
    whole = pooled([one, other])
    assert whole is not None
    assert whole.maps["log_depth"].pixels == (40, 4, 0, 5)
    assert whole.maps["log_depth"].terms["a"] == pytest.approx((0.5, 0.5, 0.0, 1.0))
    assert whole.maps["log_depth"].terms["b"] == pytest.approx((0.2, 0.0, 0.0, 0.0))
    assert pooled([]) is None
    other_bands = GradientShares(frames=1, edges_m=(1.0, 2.0), maps={})
    assert pooled([one, other_bands]) is None


def test_far_is_the_last_third_of_the_bands_that_have_pixels() -> None:
    shares = look((60, 30, 10, 100), a=(0.5, 0.2, 0.1, 0.9), b=(0.1, 0.1, 0.1, 0.05))
    both = map_share(shares, "log_depth", ["a", "b"])
    assert both.whole == pytest.approx((60 * 0.6 + 30 * 0.3 + 10 * 0.2) / 100)
    assert (both.far, both.beyond) == (pytest.approx(0.2), "16 m")
    assert both.bands == pytest.approx({"1–4 m": 0.6, "4–16 m": 0.3, "16–40 m": 0.2})
    assert both.without_truth == pytest.approx(0.95)
    assert both.truth_missing == pytest.approx(0.5)
    near = map_share(look((60, 30, 0, 0), a=(0.5, 0.2, 0.0, 0.0)), "log_depth", ["a"])
    assert (near.far, near.beyond) == (pytest.approx(0.2), "4 m")
    assert near.bands["16–40 m"] is None
    assert near.without_truth is None
    single = map_share(look((60, 0, 0, 0), a=(0.5, 0.0, 0.0, 0.0)), "log_depth", ["a"])
    assert (single.far, single.beyond) == (None, "")


# --- of a study ------------------------------------------------------------------------------------


@pytest.fixture
def paper_shares() -> dict[str, ArmShares]:
    """Two seeds of the reference, one of them of an earlier version; no other arm is done."""
    study = named_study("paper", named_training("thermal"), seeds=2)
    recorded = look(
        (60, 30, 10, 0),
        metric_silog=(0.4, 0.3, 0.6, 0.0),
        gradient_consistency=(0.1, 0.1, 0.0, 0.0),
    )
    cells = [
        CellRecord(arm="full", seed=0, state="done", shares=recorded),
        CellRecord(arm="full", seed=1, state="done"),
    ]
    columns = {
        "metric_relative": ((600.0, 0.2),),
        "metric_silog": ((600.0, 0.25),),
        "gradient_consistency": ((600.0, 0.5),),
    }
    curves = [Curve(arm="full", seed=seed, columns=columns) for seed in (0, 1)]
    return arm_shares(study, cells, curves)


def test_a_verdict_gets_terms_loss_and_gradient(paper_shares: dict[str, ArmShares]) -> None:
    study = named_study("paper", named_training("thermal"), seeds=2)
    question = Question(name="q", title="Q", weights={"no-silog": 1.0, "full": -1.0})
    foreign = Question(name="other", title="", weights={"mine": 1.0, "full": -1.0})
    switched = switched_by(study, [question, foreign], paper_shares)
    assert switched["q"].words == (
        "this reading (metric_silog, lam 0.85, weight 1; 50 % of the loss, 39 % of the metric gradient, "
        "60 % beyond 16 m)"
    )
    assert "other" not in switched
    # Of a study that recorded nothing terms and weights are known all the same.
    alone = switched_by(study, [question])
    assert alone["q"].text == (
        "metric_silog, lam 0.85, weight 1; share of the loss not recorded, share of the gradient not "
        "recorded"
    )


def test_the_table_of_shares_has_a_line_for_each_term_and_map(
    paper_shares: dict[str, ArmShares],
) -> None:
    study = named_study("paper", named_training("thermal"), seeds=2)
    titles = {arm.name: arm.title for arm in study.arms}
    table = shares_table(study_shares(study, paper_shares), titles)
    rows = {row[1]: row for row in table.rows}
    assert [column.label for column in table.columns][5:] == [
        "all",
        "1–4 m",
        "4–16 m",
        "16–40 m",
        "no truth",
    ]
    assert rows["metric_silog"][:5] == (
        "All losses",
        "metric_silog",
        "lam 0.85, weight 1",
        pytest.approx(50.0),
        "metric",
    )
    assert rows["metric_silog"][5:] == (*(pytest.approx(x) for x in (39, 40, 30, 60)), None)
    assert rows["structure_ssi"][4] == "neither map"
    assert "2 training frames of each of 1 seed" in " ".join(table.notes)
    none = study_shares(
        study, {arm.name: ArmShares(loss={}, gradients=None, seeds=0) for arm in study.arms}
    )
    old = shares_table(none, titles)
    assert {row[4] for row in old.rows} == {"not recorded"}
    assert "not recorded, as in cells of earlier versions" in " ".join(old.notes)
    for each in (table, old):
        assert each.markdown()
        assert each.latex()
        assert each.csv()


def test_other_arms_have_lines_for_what_they_have_otherwise() -> None:
    study = named_study("paper", named_training("thermal"), seeds=1)
    heavy = study.arm("no-silog")
    from dataclasses import replace

    arms = (*study.arms[:1], replace(heavy, edits={"losses.metric_silog.weight": 3.0}))
    two = replace(study, arms=arms, claims=())
    empty = ArmShares(loss={}, gradients=None, seeds=0)
    lines = study_shares(two, dict.fromkeys(("full", "no-silog"), empty)).terms
    assert [(line.arm, line.reading) for line in lines if line.term == "metric_silog"] == [
        ("full", "lam 0.85, weight 1"),
        ("no-silog", "lam 0.85, weight 3"),
    ]
    assert [line.term for line in lines if line.arm == "no-silog"] == ["metric_silog"]


# --- what a cell notes ------------------------------------------------------------------------------


def test_a_cell_s_shares_are_of_its_own_first_frames(tiny_pack: Path, tmp_path: Path) -> None:
    dataset = open_dataset(f"synthetic:{tiny_pack}")
    edits = {
        "model.weights": "none",
        "model.decoder_width": 16,
        "teacher.kind": "truth",
        "data.batch_size": 3,
    }
    settings = TrainingSettings().edit(edits).resolved(dataset)
    labels = make_labels(settings.teacher, dataset, tmp_path)
    network = build_network(settings.model, channels=1).eval()
    protocol = named_protocol("synthetic")
    one, again = (shares_at_end(network, settings, dataset, labels, protocol) for _ in range(2))
    assert one == again
    assert one.frames == 3 <= MOST_FRAMES
    assert one.edges_m == protocol.range_bin_edges_m
    assert set(one.maps["log_depth"].terms) == {
        "metric_relative",
        "metric_silog",
        "guided_smooth",
        "gradient_consistency",
    }
    assert one.maps["log_depth"].pixels[-1] > 0  # the strip of sky
    bare = protocol.model_copy(update={"range_bin_edges_m": ()})
    assert shares_at_end(network, settings, dataset, labels, bare).edges_m == (0.3, 80.0)
    assert shares_in({SHARES: one.tree()}, "cell.json") == one


def test_cells_of_earlier_versions_have_none_and_damaged_ones_are_refused() -> None:
    assert shares_in({}, "cell.json") is None
    for damaged in (3, [], {"frames": 1}, {"frames": 1, "edges_m": [1.0], "maps": {}}):
        with pytest.raises(SettingsError, match=r"cell\.json: gradient_shares"):
            shares_in({SHARES: damaged}, "cell.json")


# --- the folder's record -----------------------------------------------------------------------------


def test_readings_come_back_from_the_folder(
    tmp_path: Path, paper_shares: dict[str, ArmShares]
) -> None:
    study = named_study("paper", named_training("thermal"), seeds=2)
    questions = [
        Question(name=arm.name, title=arm.title, weights={arm.name: 1.0, "full": -1.0})
        for arm in study.arms[1:]
    ]
    switched = switched_by(study, questions, paper_shares)
    assert switched_in(tmp_path) == {}
    write_switched(tmp_path, switched)
    assert switched_in(tmp_path) == switched


@pytest.mark.parametrize("tree", [{"q": 3}, {"q": {}}, {"q": {"terms": 1}}])
def test_a_damaged_record_is_named(tmp_path: Path, tree: dict[str, object]) -> None:
    write_record(tmp_path / FILE, tree)
    with pytest.raises(DataError, match=r"shares\.json: q.*delete it"):
        switched_in(tmp_path)
    (tmp_path / FILE).write_text(json.dumps({"q": 3}) + "{")
    with pytest.raises(DataError, match=r"shares\.json.*delete it"):
        switched_in(tmp_path)


def test_nothing_is_noted_under_a_table_without_readings() -> None:
    from types import SimpleNamespace

    assert reading_notes(SimpleNamespace(tested=(), switched={}, titles={})) == []  # type: ignore[arg-type]
