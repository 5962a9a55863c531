"""The page's part about gradients: what is in it, what is left out, and that it loads nothing."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from thermodepth.errors import DataError
from thermodepth.report import gradients as printed
from thermodepth.study.arm import ArmLabel
from thermodepth.study.gradients import arm_gradients, read_diagnostics
from thermodepth.study.gradients.arms import arms_of, watched_arms
from thermodepth.training.diagnostics.maps import (
    ConflictMaps,
    read_conflict_maps,
    save_conflict_maps,
)


def gradients_section(
    study: Path, arms: Sequence[ArmLabel], *, reference: str | None = None
) -> list[str]:
    averaged = [arm_gradients(arm) for arm in read_diagnostics(study, arms)]
    return printed.gradients_section(averaged, reference=reference)


def write_study_gradients(
    study: Path, arms: Sequence[ArmLabel], *, out: Path | None = None, every_look: bool = False
) -> list[Path]:
    read = read_diagnostics(study, arms, every_look=every_look)
    return printed.write_study_gradients(
        out or study / "gradients", [arm_gradients(arm) for arm in read]
    )


A, B = "structure_ssi", "metric_silog"
ARMS = [
    ArmLabel(name="no-smooth", title="No <Smooth>"),
    ArmLabel(name="full", title="All losses"),
    ArmLabel(name="plain", title="Never watched"),
]


def write_cell(folder: Path, *, share: float = 0.25, steps: int = 4, maps: bool = True) -> None:
    """A run with two terms and a look at every second step."""
    folder.mkdir(parents=True)
    looks = range(2, steps + 1, 2)
    gradients, cosines, along = [], [], []
    for step in range(1, steps + 1):
        seen = [f"0.5,{share}", f"1.5,{1 - share}"] if step in looks else [",", ","]
        gradients += [f"{step},{A},2,1,{seen[0]}", f"{step},{B},3,3,{seen[1]}"]
    for step in looks:
        cosines.append(f"{step},block,{A},{B},-0.5,0.6")
        along += [f"{step},block,{A},0.25", f"{step},block,{B},0.125", f"{step},block,total,0.3"]
    texts = {
        "gradients.csv": ["step,term,loss,weighted_loss,norm,norm_share", *gradients],
        "cosines.csv": [
            "step,parameters,term_a,term_b,cosine,magnitude_similarity",
            *cosines,
        ],
        "step_cosines.csv": ["step,parameters,term,step_cosine", *along],
        "diagnostics.json": ['{"overhead": 0.021, "stops": []}'],
        "run.json": ["{}"],
    }
    for name, lines in texts.items():
        (folder / name).write_text("\n".join(lines) + "\n")
    if maps:
        save_conflict_maps(
            folder / "conflict" / f"step-{steps}.npz",
            ConflictMaps(
                step=steps,
                sample_ids=tuple(f"frame<{n}>" for n in range(6)),
                image=np.full((6, 12, 16), 0.5, np.float32),
                terms=(A, B),
                heads=("structure", "log_depth"),
                gradients=np.ones((2, 6, 12, 16), np.float32),
                largest=np.ones(2),
            ),
        )


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """Two arms with diagnostics, one of them with two seeds, and one arm without."""
    folder = tmp_path / "study"
    write_cell(folder / "cells/full/seed-0")
    write_cell(folder / "cells/full/seed-1", share=0.35)
    write_cell(folder / "cells/no-smooth/seed-0", share=0.5)
    (folder / "cells/plain/seed-0").mkdir(parents=True)
    design = {
        "reference": "full",
        "arms": [{"name": arm.name, "title": arm.title, "edits": {}} for arm in ARMS],
    }
    (folder / "study.json").write_text(json.dumps({"study": design}))
    return folder


class Reader(HTMLParser):
    """Counts elements, and checks that each is closed."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.counts: dict[str, int] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        del attrs
        self.counts[tag] = self.counts.get(tag, 0) + 1
        if tag not in ("img", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def read(html: str) -> dict[str, int]:
    reader = Reader()
    reader.feed(html)
    assert not reader.open
    return reader.counts


def test_the_reference_stands_open_and_the_others_are_folded(study: Path) -> None:
    html = "\n".join(gradients_section(study, ARMS, reference="full"))
    counts = read(html)
    assert counts["details"] == 1
    before, _, folded = html.partition("<details>")
    assert "All losses" in before
    assert "over the training, All losses" in before
    assert "over the training, No &lt;Smooth&gt;" in folded
    assert "Never watched" not in html
    assert html.count("never a verdict") == 1
    assert html.count("Looking took 2.1 %") == 2


def test_without_a_reference_the_first_arm_stands_open(study: Path) -> None:
    html = "\n".join(gradients_section(study, ARMS))
    assert "over the training, No &lt;Smooth&gt;" in html.partition("<details>")[0]


def test_one_arm_has_no_overview(study: Path) -> None:
    both = "\n".join(gradients_section(study, ARMS))
    alone = "\n".join(gradients_section(study, ARMS[1:]))
    assert "Gradient shares of every configuration" in both
    assert "Gradient shares of every configuration" not in alone
    assert "<details>" not in alone
    # Mean of 25 and 35, and the other arm's 50.
    row = re.search(r"<tr><th[^>]*>All losses</th>(.*?)</tr>", both)
    assert row is not None
    assert re.findall(r">([\d.]+)<", row[1]) == ["2", "30.0", "70.0"]


def test_no_diagnostics_no_section_and_no_files(study: Path) -> None:
    assert gradients_section(study, ARMS[2:]) == []
    assert write_study_gradients(study, ARMS[2:]) == []
    assert not (study / "gradients").exists()


def test_the_page_loads_nothing_and_takes_its_colours(study: Path) -> None:
    html = "\n".join(gradients_section(study, ARMS, reference="full"))
    sources = re.findall(r'(?:src|href)="([^"]{0,20})', html)
    assert sources
    assert all(source.startswith("data:image/webp") for source in sources)
    assert "var(--ink)" in html
    assert "#222" not in html
    assert "<style" not in html
    assert "frame&lt;0&gt;" in html
    assert "frame<" not in html


def test_maps_are_of_the_last_look_and_few(study: Path) -> None:
    html = "\n".join(gradients_section(study, ARMS, reference="full"))
    open_, _, folded = html.partition("<details>")
    # Input and two heads of four frames, one frame of the other arm, and a colour scale each.
    assert (read(open_)["img"], folded.count("<img")) == (13, 4)
    assert "full/seed-0, step 4." in open_


def test_a_run_without_maps_has_the_rest(tmp_path: Path) -> None:
    write_cell(tmp_path / "cells/full/seed-0", maps=False)
    html = "\n".join(gradients_section(tmp_path, ARMS))
    assert "<img" not in html
    assert read(html)["svg"] == 4  # shares, one matrix, two keys of the legend


def test_runs_of_earlier_versions_are_read(study: Path) -> None:
    for path in study.rglob("step_cosines.csv"):
        path.unlink()
    html = "\n".join(gradients_section(study, ARMS))
    assert not re.search("along the step|Step cosine|the optimiser", html)
    assert "Gradient shares" in html


def test_the_cosine_along_the_step_stands_beside_the_share(study: Path) -> None:
    write_study_gradients(study, ARMS)
    shares = (study / "gradients/full/gradient_shares.csv").read_text().splitlines()
    assert shares[0].endswith("of the loss (%),along the step")
    assert shares[1].endswith(",25.0,0.25")
    steps = (study / "gradients/full/gradient_steps.md").read_text()
    assert "| block | structure_ssi | 4 | (+0.25) |" in steps
    assert "| block | total | 4 | (+0.30) |" in steps


def test_files_are_those_of_each_arm_and_the_last_look(study: Path) -> None:
    write_cell(study / "cells/plain/seed-1", steps=8)
    maps = study / "cells/plain/seed-1/conflict"
    sixth = replace(read_conflict_maps(maps / "step-8.npz"), step=6)
    save_conflict_maps(maps / "step-6.npz", sixth)
    for arm in ("full", "no-smooth"):
        (study / f"cells/{arm}/seed-0/conflict/step-4.npz").unlink()
    written = write_study_gradients(study, ARMS)
    assert {path.parent for path in written} == {study / "gradients" / arm.name for arm in ARMS}
    assert all(path.is_file() for path in written)
    assert [path.name for path in written if path.suffix == ".png"] == ["conflict_step_8.png"]
    every = write_study_gradients(study, ARMS[2:], out=study / "all", every_look=True)
    assert [path.name for path in every if path.suffix == ".png"] == [
        "conflict_step_6.png",
        "conflict_step_8.png",
    ]


def test_a_run_that_lags_behind_is_named(study: Path) -> None:
    write_cell(study / "cells/full/seed-2", steps=2)
    html = "\n".join(gradients_section(study, ARMS[1:]))
    assert "full/seed-2 has come to step 2 only." in html
    assert "full/seed-0 has come" not in html


def test_a_damaged_file_is_named(study: Path) -> None:
    (study / "cells/full/seed-1/step_cosines.csv").write_text("step,parameters\n1,block\n")
    with pytest.raises(DataError, match=r"seed-1/step_cosines\.csv, line 2"):
        gradients_section(study, ARMS)


def test_arms_are_those_of_the_record_with_the_reference_first(study: Path) -> None:
    assert [arm.name for arm in arms_of(study)] == ["full", "no-smooth", "plain"]
    assert [arm.name for arm in watched_arms(study)] == ["full", "no-smooth"]


@pytest.mark.parametrize("text", ["[]", "{}", '{"study": {"arms": [{}]}}', '{"study": 3}'])
def test_a_record_that_is_none_is_named(text: str, study: Path) -> None:
    (study / "study.json").write_text(text)
    with pytest.raises(DataError, match=r"study\.json"):
        arms_of(study)
