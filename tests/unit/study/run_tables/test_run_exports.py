"""Exports of four programs, tiny and in their own formats, are recognised and become arms by seeds."""

from __future__ import annotations

import csv
import json
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from thermodepth.errors import DataError, DependencyError, SettingsError
from thermodepth.statistics.measurements import RUN_LEVEL
from thermodepth.study.run_tables import tensorboard
from thermodepth.study.run_tables.measurements import (
    RunMeasurements,
    logged_direction,
    run_measurements,
)
from thermodepth.study.run_tables.registry import read_run_export

ARMS, SEEDS = ("base", "ours"), (0, 1, 2)
CELLS = [(arm, seed) for arm in ARMS for seed in SEEDS]


def abs_rel(arm: str, seed: int) -> float:
    return round((0.2 if arm == "base" else 0.15) + 0.001 * seed, 6)


def write_csv(path: Path, rows: list[list[object]]) -> Path:
    with path.open("w", newline="") as stream:
        csv.writer(stream, quoting=csv.QUOTE_ALL).writerows(rows)
    return path


def wandb_csv(folder: Path, *, states: dict[tuple[str, int], str] | None = None) -> Path:
    """As the page's download: everything quoted, settings and summary in one line of columns."""
    header = [
        "Name",
        "State",
        "Notes",
        "User",
        "Tags",
        "Created",
        "Runtime",
        "Sweep",
        "Group",
        "lr",
        "seed",
        "eval/abs_rel",
        "epoch",
    ]
    rows: list[list[object]] = [header]
    for arm, seed in CELLS:
        state = (states or {}).get((arm, seed), "finished")
        value = abs_rel(arm, seed)
        created = "2025-11-13T09:48:11.000Z"
        rows.append(
            [f"fair-sky-{seed}", state, "-", "me", "", created, 99, "", arm, 0.1, seed, value, 9]
        )
    return write_csv(folder / "wandb_export_2025-11-13.csv", rows)


def mlflow_csv(folder: Path) -> Path:
    header = [
        "run_id",
        "experiment_id",
        "status",
        "artifact_uri",
        "start_time",
        "end_time",
        "metrics.abs_rel",
    ]
    header += [
        "params.loss",
        "params.seed",
        "params.out",
        "tags.mlflow.runName",
        "tags.mlflow.user",
    ]
    rows: list[list[object]] = [header]
    for number, (arm, seed) in enumerate(CELLS):
        times = ["2025-01-01 00:00:00+00:00"] * 2
        value = abs_rel(arm, seed)
        cells = [f"id{number}", "0", "FINISHED", "file:///x", *times, value]
        rows.append([*cells, arm, seed, f"out/{number}", f"shark-{number}", "me"])
    return write_csv(folder / "runs.csv", rows)


def mlruns(folder: Path) -> Path:
    root = folder / "mlruns"
    for number, (arm, seed) in enumerate(CELLS):
        run = root / "0" / f"{number:032x}"
        (run / "metrics" / "val").mkdir(parents=True)
        (run / "params").mkdir()
        (run / "meta.yaml").write_text(
            f"lifecycle_stage: active\nrun_name: shark-{number}\nstatus: 3\nrun_id: {number:032x}\n"
        )
        last = f"1700000000002 {abs_rel(arm, seed)} 20\n"
        lines = f"1700000000000 0.9 0\n{last}1700000000001 0.5 10\n"  # not in order
        (run / "metrics" / "val" / "abs_rel").write_text(lines)
        (run / "params" / "loss").write_text(arm)
        (run / "params" / "seed").write_text(str(seed))
    (root / "0" / "meta.yaml").write_text("experiment_id: '0'\nname: Default\n")
    (root / ".trash").mkdir()
    return root


def lightning_logs(folder: Path) -> Path:
    root = folder / "lightning_logs"
    for number, (arm, seed) in enumerate(CELLS):
        run = root / f"version_{number}"
        run.mkdir(parents=True)
        last = f"1,19,,{abs_rel(arm, seed)}\n"
        lines = f"epoch,step,train_loss,val_abs_rel\n0,9,0.8,\n0,9,,0.9\n1,19,0.5,\n{last}"
        (run / "metrics.csv").write_text(lines)
        (run / "hparams.yaml").write_text(f"model:\n  loss: {arm}\nseed: {seed}\nlr: 0.1\n")
    return root


def tensorboard_downloads(folder: Path, *, kind: str = "csv") -> Path:
    root = folder / f"downloads-{kind}"
    root.mkdir()
    for arm, seed in CELLS:
        stem = f"run-{arm}_seed{seed}-tag-val_abs_rel"
        points = [[1700000000.5, 0, 0.9], [1700000001.5, 10, abs_rel(arm, seed)]]
        if kind == "json":
            (root / f"{stem}.json").write_text(json.dumps(points))
        else:
            write_plain = ["Wall time,Step,Value", *(",".join(map(str, p)) for p in points)]
            (root / f"{stem}.csv").write_text("\n".join(write_plain) + "\n")
    return root


def tensorboard_events(folder: Path) -> Path:
    pytest.importorskip("tensorboard")
    from torch.utils.tensorboard import SummaryWriter

    root = folder / "logdir"
    for arm, seed in CELLS:
        with SummaryWriter(root / arm / f"seed{seed}") as writer:
            writer.add_scalar("val/abs_rel", 0.9, 0)
            writer.add_scalar("val/abs_rel", abs_rel(arm, seed), 10)
    return root


def read(path: Path, **options: object) -> RunMeasurements:
    export = read_run_export(path)
    assert export is not None
    return run_measurements(export, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("write", "program", "metric", "arms"),
    [
        (wandb_csv, "W&B's table of runs", "eval/abs_rel", ARMS),
        (mlflow_csv, "MLflow's search_runs", "abs_rel", ("loss=base", "loss=ours")),
        (mlruns, "MLflow's mlruns folder", "val/abs_rel", ("loss=base", "loss=ours")),
        (lightning_logs, "Lightning's CSVLogger", "val_abs_rel", ("loss=base", "loss=ours")),
        (tensorboard_downloads, "TensorBoard's downloaded scalars", "val_abs_rel", ARMS),
        (
            lambda folder: tensorboard_downloads(folder, kind="json"),
            "TensorBoard's downloaded scalars",
            "val_abs_rel",
            ARMS,
        ),
        (tensorboard_events, "TensorBoard's event files", "val/abs_rel", ARMS),
    ],
)
def test_each_export_becomes_arms_by_seeds(
    write: Callable[[Path], Path], program: str, metric: str, arms: tuple[str, ...], tmp_path: Path
) -> None:
    runs = read(write(tmp_path))
    assert f"Recognised as {program}: 6 runs" in runs.notes[0]
    assert "intervals are over seeds" in runs.notes[1]
    block = runs.blocks[metric]
    assert (block.arms, block.seeds, block.images) == (arms, SEEDS, (RUN_LEVEL,))
    expected = [[abs_rel(arm, seed) for seed in SEEDS] for arm in ARMS]
    assert block.values[:, :, 0].tolist() == [pytest.approx(row, rel=1e-6) for row in expected]
    assert runs.directions[metric] == "lower"


def test_a_table_of_anybody_is_none_of_them(tmp_path: Path) -> None:
    plain = tmp_path / "rows.csv"
    plain.write_text("arm,seed,image,metric,value\nfull,0,a,rmse,1\n")
    assert read_run_export(plain) is None
    assert read_run_export(tmp_path) is None
    assert read_run_export(tmp_path / "none.csv") is None


def test_runs_that_did_not_end_are_left_out_by_name(tmp_path: Path) -> None:
    runs = read(wandb_csv(tmp_path, states={("ours", 2): "crashed"}))
    block = runs.blocks["eval/abs_rel"]
    assert block.missing == (("ours", 2),)
    assert "Left out, crashed: fair-sky-2." in runs.notes
    every = dict.fromkeys(CELLS, "failed")
    with pytest.raises(DataError, match=r"no run ended well \(failed\)"):
        read(wandb_csv(tmp_path, states=every))


def test_numbers_without_a_direction_are_named_and_can_be_asked_for(tmp_path: Path) -> None:
    path = wandb_csv(tmp_path)
    runs = read(path)
    assert list(runs.blocks) == ["eval/abs_rel"]
    assert "Not compared: lr, epoch; --metrics takes them." in runs.notes
    assert list(read(path, metrics=("epoch",)).blocks) == ["epoch"]
    assert read(path, stated={"epoch": "higher"}).directions["epoch"] == "higher"
    with pytest.raises(SettingsError, match=r"unknown metric 'abs_rel'.*did you mean"):
        read(path, metrics=("abs_rel",))


def test_a_number_that_is_none_leaves_a_hole(tmp_path: Path) -> None:
    root = lightning_logs(tmp_path)
    (root / "version_5" / "metrics.csv").write_text("epoch,step,val_abs_rel\n0,9,nan\n")
    runs = read(root)
    assert runs.blocks["val_abs_rel"].missing == (("loss=ours", 2),)
    assert "val_abs_rel: no finite number of version_5; left out." in runs.notes


class TestWhoIsWho:
    def write(self, folder: Path, header: str, *rows: str) -> Path:
        path = folder / "runs.csv"
        cells = [header.split(","), *(row.split(",") for row in rows)]
        return write_csv(path, [list(line) for line in cells])

    def test_names_tell_arm_and_seed_where_no_column_does(self, tmp_path: Path) -> None:
        rows = [f"{arm}{end}{seed},finished,1,0.2" for arm, end, seed in (
            ("full", "-seed", 0), ("full", "_s", 1), ("ours", "/seed_", 0), ("ours", " seed=", 1),
        )]  # fmt: skip
        block = read(self.write(tmp_path, "Name,State,Runtime,rmse", *rows)).blocks["rmse"]
        assert (block.arms, block.seeds) == (("full", "ours"), (0, 1))

    def test_a_person_names_the_columns(self, tmp_path: Path) -> None:
        path = self.write(
            tmp_path,
            "Name,State,Runtime,loss,size,repeat,rmse",
            "a,finished,1,ssi,64,0,0.2",
            "b,finished,1,ssi,96,0,0.3",
        )
        with pytest.raises(DataError, match=r"--seed-column NAME says which does \(columns: Name"):
            read(path)
        with pytest.raises(DataError, match="nothing tells the arm of each run"):
            read(path, seed_column="repeat")
        block = read(path, seed_column="repeat", arm_columns=("loss", "size")).blocks["rmse"]
        assert block.arms == ("loss=ssi, size=64", "loss=ssi, size=96")
        with pytest.raises(SettingsError, match="unknown column 'lost'; did you mean 'loss'"):
            read(path, seed_column="repeat", arm_columns=("lost",))
        with pytest.raises(DataError, match="run 'a', column loss: 'ssi' is no whole number"):
            read(path, seed_column="loss")

    def test_two_runs_of_one_cell_are_refused_by_name(self, tmp_path: Path) -> None:
        path = self.write(
            tmp_path, "Name,State,Runtime,arm,seed,rmse", "a,,1,x,0,0.2", "b,,1,x,0,0.3"
        )
        with pytest.raises(DataError, match="runs 'a' and 'b' are both arm 'x' with seed 0"):
            read(path)


@pytest.mark.parametrize(
    ("name", "direction"),
    [
        ("val/abs_rel", "lower"),
        ("test_rmse", "lower"),
        ("val_delta1", "higher"),
        ("train_loss_epoch", "lower"),
        ("eval/day/d1", "higher"),
        ("best.PSNR", "higher"),
        ("lr", None),
        ("epoch", None),
    ],
)
def test_a_logged_name_tells_its_direction_without_what_stands_around_it(
    name: str, direction: str | None
) -> None:
    assert logged_direction(name) == direction


class TestDamage:
    def test_each_kind_names_its_file(self, tmp_path: Path) -> None:
        damaged = {
            "a.csv": ("Name,State,Runtime\na,b\n", "row 1 has 2 cells, and the header has 3"),
            "b.csv": ("Name,State,Runtime,rmse,rmse\n", "column 'rmse' comes twice"),
            "c.csv": ("Name,State,Runtime\n", "without a run"),
            "run-a_seed0-tag-rmse.csv": ("Wall time,Step,Value\n1,2,x\n", "point 1: expected"),
            "rmse.csv": ("Wall time,Step,Value\n1,2,3\n", "expected run-RUN-tag-TAG.csv"),
            "run-a_seed0-tag-rmse.json": ("[1]", "point 1: expected wall time"),
            "run-b_seed0-tag-rmse.json": ("{", "cannot be read as JSON"),
        }
        for name, (content, message) in damaged.items():
            path = tmp_path / name
            path.write_text(content)
            with pytest.raises(DataError, match=message) as caught:
                read_run_export(path)
            assert str(path) in str(caught.value)
            path.unlink()

    def test_a_metric_file_of_mlflow(self, tmp_path: Path) -> None:
        root = mlruns(tmp_path)
        file = next(root.rglob("abs_rel"))
        file.write_text("12 what 3\n")
        with pytest.raises(DataError, match="line 1: expected 'timestamp value step'"):
            read_run_export(root)

    def test_hparams_with_python_objects_are_not_made(self, tmp_path: Path) -> None:
        root = lightning_logs(tmp_path)
        for file in root.rglob("hparams.yaml"):
            file.write_text("a: !!python/object/apply:os.system ['touch /tmp/never']\n")
        with pytest.raises(DataError, match="no column tells the seed"):
            read(root)
        export = read_run_export(root)
        assert export is not None
        assert export.notes == ("6 hparams.yaml could not be read as plain YAML.",)

    def test_random_bytes_in_event_files(self, tmp_path: Path) -> None:
        pytest.importorskip("tensorboard")
        (tmp_path / "run").mkdir()
        content = random.Random(0).randbytes(200)
        (tmp_path / "run" / "events.out.tfevents.1.host").write_bytes(content)
        with pytest.raises(DataError):
            read_run_export(tmp_path)

    def test_event_files_without_the_package(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "events.out.tfevents.1.host").write_bytes(b"")
        monkeypatch.setattr(tensorboard, "find_spec", lambda _: None)
        with pytest.raises(DependencyError, match=r"thermodepth\[track\]"):
            read_run_export(tmp_path)
