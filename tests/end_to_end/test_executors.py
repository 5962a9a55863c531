"""Cells are the same wherever they are computed; some fail, some are stale, and arms are added."""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from thermodepth.checksums import read_record
from thermodepth.data import Dataset, open_dataset
from thermodepth.errors import StudyError
from thermodepth.report.study.write import write_results
from thermodepth.study.cell_job import CellNews, Executor
from thermodepth.study.design import Arm, Study
from thermodepth.study.executors.registry import Placement, make_executor
from thermodepth.study.failure import FAILED
from thermodepth.study.run import StudyState, run_study
from thermodepth.training.settings import TrainingSettings

FULL = Arm(name="full", title="All")
BARE = Arm(name="bare", title="Bare", edits={"losses.groups.smooth": False})
SMALL = {
    "steps": 6,
    "data.batch_size": 2,
    "model.weights": "none",
    "model.decoder_width": 16,
    "teacher.kind": "truth",
    "runtime.checkpoint_every": 2,
    "runtime.log_every": 2,
    "runtime.device": "cpu",
}
#: What a cell leaves that must not depend on who computed it.
SAME = ("rows.parquet", "model/weights.safetensors", "log.csv")


def study_of(dataset: Dataset, *arms: Arm, steps: int = 6) -> Study:
    settings = TrainingSettings().edit({**SMALL, "data.source": dataset.spec, "steps": steps})
    return Study(
        name="small",
        title="Small",
        settings=settings.resolved(dataset),
        arms=arms or (FULL, BARE),
        reference="full",
        seeds=(0,),
    )


def run(
    pack: Path, out: Path, executor: Executor, *arms: Arm, steps: int = 6
) -> tuple[StudyState, list[CellNews]]:
    """A study of these arms in this folder: what became of it, and what was heard."""
    dataset = open_dataset(f"synthetic:{pack}")
    study = study_of(dataset, *arms, steps=steps)
    heard: list[CellNews] = []
    state = run_study(
        study,
        out,
        dataset=dataset,
        executor=executor,
        tell=heard.append,
        tell_labels=lambda *_: None,
    )
    return state, heard


def local() -> Executor:
    return make_executor(Placement(processes=2, device="cpu"))


@pytest.fixture(scope="module")
def finished(tiny_pack: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two cells, computed by processes of this machine."""
    out = tmp_path_factory.mktemp("study") / "local"
    state, heard = run(tiny_pack, out, local())
    assert state.complete, state.missing_lines()
    assert {n.name for n in heard if n.stage == "done"} == {"full/seed-0", "bare/seed-0"}
    return out


def assert_same(out: Path, finished: Path) -> None:
    for arm in ("full", "bare"):
        for name in SAME:
            path, rerun = (root / "cells" / arm / "seed-0" / name for root in (finished, out))
            assert path.read_bytes() == rerun.read_bytes(), rerun


def needs(package: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(
        importlib.util.find_spec(package) is None,
        reason=f"{package} is not installed (extra distributed)",
    )


#: A process of its own, because Ray leaves threads and signal handlers behind.
RAY = """
import sys
from pathlib import Path
sys.path.insert(0, {tests!r})
from test_executors import make_executor, Placement, run
ray = make_executor(Placement(executor="ray", processes=2, device="cpu"))
state, heard = run(Path({pack!r}), Path({out!r}), ray, steps={steps})
print(*sorted(news.name + " " + news.stage for news in heard if news.progress is None), sep="\\n")
"""


def ray_program(pack: Path, out: Path, *, steps: int = 6) -> list[str]:
    tests = str(Path(__file__).parent)
    code = RAY.format(tests=tests, pack=str(pack), out=str(out), steps=steps)
    return [sys.executable, "-c", code]


@needs("ray")
def test_workers_of_ray_compute_the_same(finished: Path, tiny_pack: Path, tmp_path: Path) -> None:
    out = tmp_path / "ray"
    call = ray_program(tiny_pack, out)
    done = subprocess.run(call, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split("\n")[:2] == ["bare/seed-0 done", "full/seed-0 done"]
    assert_same(out, finished)


@needs("submitit")
@pytest.mark.filterwarnings("ignore::DeprecationWarning:submitit")
def test_jobs_of_submitit_compute_the_same(finished: Path, tiny_pack: Path, tmp_path: Path) -> None:
    out = tmp_path / "jobs"
    options = {"cluster": "local", "time": "10"}
    executor = make_executor(Placement(executor="slurm", options=options))
    state, heard = run(tiny_pack, out, executor)
    assert state.complete, state.missing_lines()
    assert [n.stage for n in heard if n.progress is None] == ["submitted"] * 2 + ["done"] * 2
    assert_same(out, finished)
    assert not list(out.glob("slurm/jobs/*/*.json"))


def test_printed_commands_run_through_a_shell_from_anywhere(
    finished: Path, tiny_pack: Path, tmp_path: Path
) -> None:
    out, lines = tmp_path / "by hand", list[str]()
    printing = make_executor(Placement(executor="print", write=lines.append))
    state, _ = run(tiny_pack, out, printing)
    assert (len(state.open), len(lines)) == (2, 2)
    with pytest.raises(StudyError, match=r"2 of 2 cells failed.*\n  full/seed-0: not computed"):
        state.require_complete()
    script = " &\n".join(lines) + " &\nwait\n"
    done = subprocess.run(
        script, shell=True, cwd="/", capture_output=True, text=True, timeout=300, check=False
    )
    assert "full/seed-0: done" in done.stderr
    lines.clear()
    state, _ = run(tiny_pack, out, printing)
    assert state.complete, done.stderr
    assert lines == []
    assert_same(out, finished)


def test_cells_that_fail_stop_no_others(finished: Path, tiny_pack: Path, tmp_path: Path) -> None:
    out = tmp_path / "failing"
    shutil.copytree(finished, out)
    wild = Arm(name="wild", title="Wild", edits={"losses.metric_silog.weight": 1e39})
    lost = Arm(name="lost", title="Lost", edits={"model.weights": str(tmp_path / "nowhere")})
    executor = make_executor(Placement(processes=2, device="cpu"))
    state, heard = run(tiny_pack, out, executor, FULL, wild, lost, BARE)
    assert [cell.name for cell in state.done] == ["full/seed-0", "bare/seed-0"]
    kinds = {cell.name: (failure.kind, failure.step) for cell, failure in state.failed}
    assert kinds == {"wild/seed-0": ("diverged", 0), "lost/seed-0": ("failed", None)}
    assert {n.name for n in heard if n.stage == "failed"} == set(kinds)
    assert_same(out, finished)
    with pytest.raises(StudyError, match=r"2 of 4 cells failed") as error:
        state.require_complete()
    assert "wild/seed-0: diverged at step 0: " in str(error.value)
    assert str(tmp_path / "nowhere") in str(error.value)

    dataset = open_dataset(f"synthetic:{tiny_pack}")
    study = study_of(dataset, FULL, wild, lost, BARE)
    results = write_results(study, state, dataset)
    table, page = (out / "table.md").read_text(), (out / "report.html").read_text()
    for text in (table, page, "\n".join(results.table.notes)):
        assert "No results: wild/seed-0: diverged at step 0: " in text
        assert "lost/seed-0: failed: " in text
    assert "No results (not run, failed or diverged): Wild, Lost." in table
    assert "Bare" in table


def test_an_arm_is_added_and_a_stale_cell_scored_again_or_refused(
    finished: Path, tiny_pack: Path, tmp_path: Path
) -> None:
    out = tmp_path / "more"
    shutil.copytree(finished, out)
    full, bare = out / "cells" / "full" / "seed-0", out / "cells" / "bare" / "seed-0"
    facts = read_record(bare / "cell.json")
    (bare / "cell.json").write_text(json.dumps(facts | {"fingerprint": "old", "protocol": "old"}))
    retained = [
        path.stat().st_mtime_ns for path in (full / "rows.parquet", bare / "model/model.json")
    ]
    scored = (bare / "rows.parquet").stat().st_mtime_ns

    plain = Arm(name="plain", title="Plain", edits={"losses.groups.silog": False})
    state, heard = run(tiny_pack, out, local(), FULL, BARE, plain)
    assert state.complete, state.missing_lines()
    assert {news.name for news in heard} == {"bare/seed-0", "plain/seed-0"}
    assert "bare/seed-0" not in {news.name for news in heard if news.progress is not None}
    now = [path.stat().st_mtime_ns for path in (full / "rows.parquet", bare / "model/model.json")]
    assert now == retained
    assert (bare / "rows.parquet").stat().st_mtime_ns > scored
    assert read_record(bare / "cell.json")["fingerprint"] == facts["fingerprint"]
    assert_same(out, finished)

    (full / "cell.json").write_text(json.dumps(facts | {"fingerprint": "x", "labels": "rgb/other"}))
    with pytest.raises(StudyError, match=r"labels: rgb/other there, .*delete this folder"):
        run(tiny_pack, out, local())
    assert (full / "rows.parquet").is_file()


def test_one_cell_from_the_command_line(finished: Path, tmp_path: Path) -> None:
    out = tmp_path / "one"
    shutil.copytree(finished, out)
    cell = out / "cells" / "bare" / "seed-0"
    shutil.rmtree(cell)
    record = read_record(out / "study.json")
    record["study"]["arms"][1]["edits"] = {"losses.metric_silog.weight": 1e39}
    (out / "study.json").write_text(json.dumps(record))
    call = [sys.executable, "-m", "thermodepth", "study", "cell", str(out)]
    done = subprocess.run(
        [*call, "bare/seed-0"], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 3, done.stderr
    assert "training diverged: step 0" in done.stderr
    assert json.loads((cell / FAILED).read_text())["kind"] == "diverged"
