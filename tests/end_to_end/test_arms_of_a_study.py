"""A study whose arms edit teacher, data, network and steps: each trains what its settings say."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from thermodepth.checksums import read_record, write_record
from thermodepth.lock import holding

Thermodepth = Callable[..., tuple[int, str, str]]

#: On these frames, which nobody rendered, a mean map is better than the teacher that ships, and that is said.
pytestmark = pytest.mark.filterwarnings("ignore:teacher 'rgb-small' is worse than a map")

STUDY = """
name = "teachers"
title = "Which teacher, which data?"
design = "list"
reference = "truth"

[settings]
steps = 2
data.source = "synthetic:PACK"
data.batch_size = 2
data.size = [32, 32]
model.weights = "none"
model.decoder_width = 8
teacher.kind = "truth"

[[arms]]
name = "truth"
[[arms]]
name = "rgb-small"
edits.teacher.kind = "rgb-small"
[[arms]]
name = "fewer-frames"
edits.data.split = "val"
[[arms]]
name = "elsewhere"
edits.data.source = "synthetic:COPY"
[[arms]]
name = "wide-and-long"
edits = { "model.decoder_width" = 16, "steps" = 3 }
"""
ARMS = ("truth", "rgb-small", "fewer-frames", "elsewhere", "wide-and-long")


@pytest.fixture
def study_file(tiny_pack: Path, tmp_path: Path) -> Path:
    """The file, in the folder where commands run."""
    text = STUDY.replace("PACK", str(tiny_pack)).replace("COPY", "copy.zip")
    (tmp_path / "teachers.toml").write_text(text)
    return tmp_path / "teachers.toml"


@pytest.mark.usefixtures("study_file")
def test_every_arm_trains_what_its_settings_say(
    thermodepth: Thermodepth, other_pack: Path, tmp_path: Path
) -> None:
    (tmp_path / "copy.zip").write_bytes(other_pack.read_bytes())
    call = ("study", "run", "teachers.toml", "--out", "s")
    code, out, err = thermodepth(*call, "--executor", "print")
    assert code == 0, err
    assert [line.split()[-1] for line in out.splitlines()] == [f"{arm}/seed-0" for arm in ARMS]
    assert "2 to 3 steps" in err
    record = read_record(tmp_path / "s" / "study.json")
    assert len(record["labels"]) == 4  # `wide-and-long` is taught as the reference is
    assert len(set(record["labels"].values())) == 3  # two splits of one data set lie in one store
    for names in (ARMS[:2], *((arm,) for arm in ARMS[2:])):  # several in one call, too
        code, _, err = thermodepth("study", "cell", "s", *(f"{arm}/seed-0" for arm in names))
        assert code == 0, err
    cells = {arm: tmp_path / "s" / "cells" / arm / "seed-0" for arm in ARMS}
    for name in ("model/weights.safetensors", "rows.parquet"):
        assert len({(cell / name).read_bytes() for cell in cells.values()}) == len(ARMS)
    facts = {arm: json.loads((cell / "cell.json").read_text()) for arm, cell in cells.items()}
    assert len({each["labels"] for each in facts.values()}) == 2
    assert len({each["frames"] for each in facts.values()}) == 1  # all are scored on the same
    assert [arm for arm, each in facts.items() if "scored" in each] == ["elsewhere"]
    code, out, err = thermodepth(*call)
    assert code == 0, err
    page = (tmp_path / "s" / "report.html").read_text(encoding="utf-8")
    assert "Dose curves" not in page
    methods = (tmp_path / "s" / "METHODS.md").read_text(encoding="utf-8")
    assert "but rgb-small was taught by other labels (teacher.kind)" in methods
    assert "wide-and-long started from other weights (model.decoder_width)" in methods
    assert "differences stand without intervals" in methods
    code, _, err = thermodepth("study", "analyze", "s", "--out", "tables")
    assert code == 0, err
    assert "saw other batches" in (tmp_path / "tables" / "METHODS.md").read_text(encoding="utf-8")
    # Labels of a cell are those of its own settings, or it is not computed.
    record["labels"] = {k: v for k, v in record["labels"].items() if v.startswith("truth")}
    write_record(tmp_path / "s" / "study.json", record)
    code, _, err = thermodepth("study", "cell", "s", "rgb-small/seed-0")
    assert code == 2
    assert "not prepared yet for rgb-small/seed-0" in err


@pytest.mark.parametrize(
    ("before", "after", "options", "words"),
    [
        ("synthetic:PACK", "mm5:/nonexistent", (), "/nonexistent: no such folder"),
        ("PACK", "PACK", ("--data", "mm5:/nonexistent"), "/nonexistent: no such folder"),
        ("PACK", "PACK", ("--set", "data.source=mm5:/nonexistent"), "/nonexistent: no such folder"),
        ("COPY", "none.zip", (), "arm 'elsewhere'"),
        (
            'edits.teacher.kind = "rgb-small"',
            "edits.seed = 3",
            (),
            "edits seed, which all arms share",
        ),
        ("steps = 2", "steps = 2\nseed = 4", (), "seed = 4: every arm is trained"),
        ("PACK", "PACK", ("--set", "seed=4"), "seed = 4: every arm is trained"),
        ("PACK", "PACK", ("--steps", "5", "--set", "steps=6"), "--steps 5 with --set steps=6"),
        (
            "edits.data.split",
            "edits.runtime.cache_mb = 5\n#",
            (),
            "edits runtime.cache_mb, which all",
        ),
    ],
)
@pytest.mark.parametrize("verb", ["run", "plan"])
def test_what_no_cell_could_honour_is_refused_before_anything_is_made(
    thermodepth: Thermodepth,
    tiny_pack: Path,
    other_pack: Path,
    tmp_path: Path,
    verb: str,
    before: str,
    after: str,
    options: tuple[str, ...],
    words: str,
) -> None:
    (tmp_path / "copy.zip").write_bytes(other_pack.read_bytes())
    text = STUDY.replace(before, after).replace("PACK", str(tiny_pack)).replace("COPY", "copy.zip")
    (tmp_path / "teachers.toml").write_text(text)
    out = ("--out", "s")
    code, _, err = thermodepth("study", verb, "teachers.toml", *out, *options)
    assert code == 2, err
    assert words in err
    assert not (tmp_path / "s").exists()


@pytest.mark.usefixtures("study_file")
def test_a_cell_that_another_process_holds_is_in_progress_elsewhere(
    thermodepth: Thermodepth,
    other_pack: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("thermodepth.study.cell.PATIENCE_S", 0.0)
    (tmp_path / "copy.zip").write_bytes(other_pack.read_bytes())
    code, _, err = thermodepth("study", "run", "teachers.toml", "--out", "s", "--executor", "print")
    assert code == 0, err
    with holding(tmp_path / "s" / "cells" / "truth" / "seed-0"):
        code, _, err = thermodepth("study", "cell", "s", "truth/seed-0")
    assert code == 2
    assert "truth/seed-0: elsewhere in progress elsewhere" in err
    assert "failed" not in err
