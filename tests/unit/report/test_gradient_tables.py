"""Means over probes with intervals by hand, tables that never hide how little they stand on, pictures."""

from __future__ import annotations

import io
import xml.etree.ElementTree as ET
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy import stats

from thermodepth.errors import DataError
from thermodepth.losses import LossesSettings
from thermodepth.report.gradients import (
    cosine_table,
    draw_conflict,
    draw_cosines,
    draw_shares,
    share_table,
    step_table,
)
from thermodepth.study.arm import ArmLabel
from thermodepth.study.gradients import (
    ArmGradients,
    GradientRecord,
    along_steps,
    arm_gradients,
    average,
    conflicts,
    read_arm,
    read_gradients,
)
from thermodepth.study.gradients.arms import ArmDiagnostics
from thermodepth.study.gradients.averages import block_means
from thermodepth.training.diagnostics.maps import ConflictMaps

A, B, C = "structure_ssi", "metric_relative", "metric_silog"

Complaints = Callable[[Mapping[str, str]], list[str]]


def record_of(cosines: list[float], *, every: int = 10, run: str = "run") -> GradientRecord:
    """Two terms that are 3:1 of the loss and 1:1 of the gradient, with these cosines."""
    steps = [every * (n + 1) for n in range(len(cosines))]
    everywhere = range(1, steps[-1] + 1)
    return GradientRecord(
        run=run,
        losses={A: tuple((s, 0.3) for s in everywhere), B: tuple((s, 0.1) for s in everywhere)},
        shares={A: tuple((s, 0.5) for s in steps), B: tuple((s, 0.5) for s in steps)},
        cosines={"block": {(A, B): tuple(zip(steps, cosines, strict=True))}},
        similarities={"block": {(A, B): tuple((s, 0.9) for s in steps)}},
        step_cosines={},
        not_finite=(),
        missing=0,
        overhead=0.021,
        stops=(),
    )


def arm_of(*records: GradientRecord, title: str = "x") -> ArmGradients:
    """The runs of one arm, averaged."""
    return arm_gradients(ArmDiagnostics(name="", title=title, records=records, maps=()))


# --- averages -------------------------------------------------------------------------------------


def test_the_interval_is_that_of_the_block_means() -> None:
    rng = np.random.default_rng(3)
    values = rng.normal(-0.1, 0.3, 40)
    made = average([values.tolist()])
    blocks = values.reshape(10, 4).mean(1)
    low, high = stats.t.interval(0.95, 9, blocks.mean(), stats.sem(blocks))
    assert made.mean == pytest.approx(values.mean())
    assert made.interval == pytest.approx((low, high))
    assert (made.probes, made.runs, made.few) == (40, 1, False)


def test_few_probes_are_blocks_of_one() -> None:
    # 0.1 and 0.5: mean 0.3, sd 0.2828, half = 12.706 * 0.2.
    made = average([[0.1, 0.5]])
    assert made.interval == pytest.approx((0.3 - 2.5412, 0.3 + 2.5412), abs=1e-3)
    assert made.few
    assert average([[0.1]]).interval is None


def test_blocks_hold_neighbours_and_all_of_them() -> None:
    assert block_means([1.0, 2.0, 3.0]) == [1, 2, 3]
    assert block_means([float(n) for n in range(20)]) == [n + 0.5 for n in range(0, 20, 2)]
    assert len(block_means([0.0] * 25)) == 10


def test_blocks_see_that_neighbours_are_alike() -> None:
    """A slow wander: the interval of single probes would be far too short."""
    rng = np.random.default_rng(0)
    covered = {"blocks": 0, "single": 0}
    for _ in range(300):
        noise = rng.normal(size=220)
        wander = np.zeros(220)
        for n in range(1, 220):
            wander[n] = 0.6 * wander[n - 1] + noise[n]
        values = wander[20:].tolist()
        blocks = average([values]).interval
        assert blocks is not None
        single = stats.t.interval(0.95, 199, np.mean(values), stats.sem(values))
        covered["blocks"] += blocks[0] <= 0 <= blocks[1]
        covered["single"] += single[0] <= 0 <= single[1]
    assert covered["blocks"] / 300 > 0.9
    assert covered["single"] / 300 < 0.8


def test_an_interval_stays_where_values_can_be() -> None:
    # Two runs at -0.5 and 0.5: half = 12.706 * 0.5.
    low, high = average([[-0.5], [0.5]]).interval or (0, 0)
    assert (low, high) == pytest.approx((-6.353, 6.353), abs=1e-3)
    assert average([[-0.5], [0.5]], within=(-1, 1)).interval == (-1, 1)
    (line,) = cosine_table(arm_of(record_of([-0.5]), record_of([0.5])), "block").printed()
    assert line[4] == "[−1.00, 1.00]"


def test_steps_are_averaged_like_cosines_and_the_total_stands_last() -> None:
    along = {
        "block": {"total": ((10, 0.4), (20, 0.2)), B: ((10, -0.1),), A: ((10, 0.3), (20, 0.1))}
    }
    record = replace(record_of([0.1] * 2), step_cosines=along)
    found = along_steps([record], "block")
    assert [f.term for f in found] == [A, B, "total"]
    assert [f.cosine.mean for f in found] == pytest.approx([0.2, -0.1, 0.3])
    assert [f.negative for f in found] == [0, 1, 0]
    assert along_steps([record], "shared") == []
    shares = share_table(arm_of(record))
    assert [line[-1] for line in shares.printed()] == ["+0.20", "−0.10"]
    assert any("together reaches +0.30" in note for note in shares.notes)
    steps = step_table(arm_of(record))
    assert steps is not None
    assert [line[:4] for line in steps.printed()] == [
        ["block", A, "2", "(+0.20)"],
        ["block", B, "1", "(−0.10)"],
        ["block", "total", "2", "(+0.30)"],
    ]


def test_records_without_steps_have_no_column_for_them() -> None:
    assert step_table(arm_of(record_of([0.1]))) is None
    assert share_table(arm_of(record_of([0.1]))).columns[-1].label == "of the loss (%)"


def test_several_runs_are_compared_as_runs() -> None:
    made = average([[0.0, 0.2], [0.3], [0.5, 0.5]])
    low, high = stats.t.interval(0.95, 2, 0.3, stats.sem([0.1, 0.3, 0.5]))
    assert made.mean == pytest.approx(0.3)
    assert made.interval == pytest.approx((low, high))
    assert (made.probes, made.runs) == (5, 3)


def test_conflict_is_counted_over_all_probes() -> None:
    found = conflicts([record_of([-0.5, 0.5, 0.25, -0.25]), record_of([0.1, 0.0])], "block")
    assert [c.pair for c in found] == [(A, B)]
    assert found[0].negative == pytest.approx(2 / 6)
    assert found[0].similarity == pytest.approx(0.9)
    assert found[0].neighbours is None
    assert conflicts([record_of([0.5])], "shared") == []


def test_neighbours_are_correlated_by_the_book() -> None:
    values = [0.1 * n for n in range(12)]
    off = np.array(values) - np.mean(values)
    (found,) = conflicts([record_of(values)], "block")
    assert found.neighbours == pytest.approx(float(off[1:] @ off[:-1] / (off @ off)))
    (flat,) = conflicts([record_of([0.5] * 12)], "block")
    assert flat.neighbours is None


# --- tables ---------------------------------------------------------------------------------------


def test_thirty_probes_are_printed_plainly() -> None:
    table = cosine_table(arm_of(record_of([-0.2, 0.1, -0.2] * 10), title="full"), "block")
    (line,) = table.printed()
    assert line[:4] == [A, B, "30", "−0.10"]
    assert line[4] == "[−0.10, −0.10]"
    assert line[5:] == ["67", "0.90"]
    assert not any("Fewer than" in note for note in table.notes)
    assert any("never a verdict" in note for note in table.notes)
    assert any("Looking took 2.1 %" in note for note in table.notes)
    assert any("10 blocks" in note for note in table.notes)


def test_fewer_are_marked_in_the_cell_and_below() -> None:
    table = cosine_table(arm_of(record_of([-0.2] * 29), title="full"), "block")
    (line,) = table.printed()
    assert line[3] == "(−0.20)"
    assert line[5] == "(100)"
    assert any("Fewer than 30 probes" in note for note in table.notes)


def test_a_single_probe_has_no_interval() -> None:
    (line,) = cosine_table(arm_of(record_of([0.25]), title="x"), "block").printed()
    assert line[2:5] == ["1", "(+0.25)", "–"]


def test_shares_stand_beside_the_share_of_the_loss() -> None:
    table = share_table(arm_of(record_of([0.1] * 30), title="full"))
    assert [line[:3] for line in table.printed()] == [[A, "30", "50.0"], [B, "30", "50.0"]]
    assert [line[-1] for line in table.printed()] == ["75.0", "25.0"]
    missing = [name for name in LossesSettings().switched_on() if name not in (A, B)]
    assert f"Left out, without weight in these runs: {', '.join(missing)}." in table.notes


def test_a_compiler_takes_tables_of_gradients(latex_complaints: Complaints) -> None:
    arm = arm_of(record_of([0.1, -0.3] * 20), title="full")
    tables = {
        "cosines": cosine_table(arm, "block"),
        "shares": share_table(arm),
    }
    assert latex_complaints({name: table.latex() for name, table in tables.items()}) == []


def test_thirds_show_where_a_share_went() -> None:
    record = record_of([0.1] * 6)
    steps = [s for s, _ in record.shares[A]]
    shares = {A: tuple(zip(steps, [0.9, 0.7, 0.5, 0.5, 0.3, 0.1], strict=True))}
    changed = GradientRecord(
        **{**{n: getattr(record, n) for n in record.__slots__}, "shares": shares}
    )
    lines = share_table(arm_of(changed)).printed()
    assert lines[0][4:6] == ["80.0", "20.0"]
    assert lines[1][1:4] == ["–", "–", "–"]  # no share of the other was measured


def test_what_went_wrong_is_under_the_table() -> None:
    record = record_of([0.1] * 3)
    changed = GradientRecord(
        **{
            **{n: getattr(record, n) for n in record.__slots__},
            "losses": {A: record.losses[A], C: ((20, 0.1), (21, 0.1))},
            "not_finite": ((7, C),),
            "missing": 4,
            "stops": ("step 9: OSError: full",),
        }
    )
    notes = share_table(arm_of(changed)).notes
    assert f"{C} has no weight before step 20." in notes
    assert f"run: the gradient of {C} is not finite at step 7." in notes
    assert "run: 4 steps were not looked at." in notes
    assert "run: the diagnostics ended early, step 9: OSError: full." in notes


# --- files ----------------------------------------------------------------------------------------


def write_run(folder: Path, *, cosine: str = "-0.5") -> None:
    folder.mkdir(parents=True)
    (folder / "gradients.csv").write_text(
        "step,term,loss,weighted_loss,norm,norm_share\n"
        f"1,{A},2,1,,\n1,{B},3,3,,\n2,{A},2,1,0.5,0.25\n2,{B},3,3,1.5,0.75\n4,{A},2,1,nan,\n4,{B},3,3,2,\n"
    )
    (folder / "cosines.csv").write_text(
        "step,parameters,term_a,term_b,cosine,magnitude_similarity\n"
        f"2,block,{A},{B},{cosine},0.6\n4,block,{A},{B},,\n"
    )


def test_a_run_is_read_back(tmp_path: Path) -> None:
    write_run(tmp_path / "run")
    record = read_gradients(tmp_path / "run")
    assert record.losses[B] == ((1, 3), (2, 3), (4, 3))
    assert record.shares == {A: ((2, 0.25),), B: ((2, 0.75),)}
    assert record.cosines == {"block": {(A, B): ((2, -0.5),)}}
    assert record.step_cosines == {}
    (tmp_path / "run" / "step_cosines.csv").write_text(
        f"step,parameters,term,step_cosine\n2,block,{A},0.5\n2,block,total,0.25\n4,block,{A},\n"
    )
    again = read_gradients(tmp_path / "run")
    assert again.step_cosines == {"block": {A: ((2, 0.5),), "total": ((2, 0.25),)}}
    assert (record.last_step, record.name) == (4, "run")
    assert record.not_finite == ((4, A),)
    assert record.missing == 1  # step 3
    assert (record.overhead, record.stops) == (None, ())


def test_the_seeds_of_an_arm_are_read_in_order(tmp_path: Path) -> None:
    for seed in (10, 2):
        write_run(tmp_path / "cells" / "full" / f"seed-{seed}", cosine=f"0.{seed}")
    (tmp_path / "cells" / "full" / "seed-3").mkdir()  # trained without
    arm = read_arm(tmp_path, ArmLabel(name="full", title="All losses"))
    assert [Path(record.run).name for record in arm.records] == ["seed-2", "seed-10"]
    with pytest.raises(DataError, match=r"no cell of arm 'none' was trained with"):
        read_arm(tmp_path, ArmLabel(name="none", title="None"))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("gradients.csv", "step,term,loss,weighted_loss,norm,norm_share\n1,a,b,c,d,e\n"),
        ("cosines.csv", "step,term\n1,a\n"),
        ("step_cosines.csv", "step,parameters,term,step_cosine\n1,block,a,b\n"),
        ("diagnostics.json", '{"overhead": "much"}'),
        ("diagnostics.json", "[]"),
    ],
)
def test_a_damaged_file_is_named(name: str, text: str, tmp_path: Path) -> None:
    write_run(tmp_path / "run")
    (tmp_path / "run" / name).write_text(text)
    with pytest.raises(DataError, match=name.replace(".", r"\.")):
        read_gradients(tmp_path / "run")


# --- pictures -------------------------------------------------------------------------------------


def words(svg: str) -> list[str]:
    return [t.text or "" for t in ET.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")]


def test_the_matrix_says_what_the_table_says() -> None:
    many = words(draw_cosines(arm_of(record_of([-0.2, 0.1, -0.2] * 10), title="a < b"), "block"))
    assert "Gradient cosines at the last shared block, a < b" in many
    assert {"−0.10", "−0.10 to −0.10", "67 %"} <= set(many)
    assert not any("fewer than 30" in word for word in many)
    few = words(draw_cosines(arm_of(record_of([-0.2] * 3)), "block"))
    assert {"(−0.20)", "(100 %)", "Brackets: fewer than 30 probes, a hint only."} <= set(few)


@pytest.mark.parametrize("probes", [1, 2, 30])
def test_shares_are_stacked_to_the_whole(probes: int) -> None:
    svg = draw_shares(arm_of(record_of([0.1] * probes)))
    assert {A, B, "100 %", "step 10"} <= set(words(svg))
    paths = [e.attrib["d"] for e in ET.fromstring(svg).iter("{http://www.w3.org/2000/svg}path")]
    assert len(paths) == 2
    corners = [float(point.split()[1].strip("Z")) for p in paths for point in p[1:].split("L")]
    assert min(corners) == pytest.approx(34)  # the top of the drawing
    assert max(corners) == pytest.approx(34 + 226)


def test_conflict_maps_become_a_picture_with_a_grey_where_nothing_pulls() -> None:
    gradients = np.zeros((2, 1, 8, 10), np.float32)
    gradients[0, :, :, :5], gradients[1, :, :, :5] = 1, -1
    maps = ConflictMaps(
        step=5,
        sample_ids=("frame",),
        image=np.full((1, 8, 10), 0.5, np.float32),
        terms=(B, C),
        heads=("log_depth", "log_depth"),
        gradients=gradients,
        largest=np.ones(2),
    )
    png = draw_conflict(maps)
    picture = np.asarray(Image.open(io.BytesIO(png)))
    colours = {tuple(c) for c in picture.reshape(-1, 3)}
    assert (152, 152, 152) in colours  # no value
    assert (252, 253, 191) in colours  # the bright end: all cancel
    assert draw_conflict(maps) == png
