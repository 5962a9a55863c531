"""How long a study of a thousand cells takes to open, plan and resume: `python benchmarks/planning.py`.

Five arms, two hundred seeds. Labels exist and nothing is trained: the executor computes nothing. Once with no
cell done, once with all but one, which is what a person waits for who runs the command again.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from thermodepth.data import open_dataset
from thermodepth.recipes import named_study, named_training
from thermodepth.study.cell import FORMAT, ROWS
from thermodepth.study.cell_facts import FACTS
from thermodepth.study.cell_job import CellJob, CellNews, Tell
from thermodepth.study.inputs import make_all_labels
from thermodepth.study.run import cell_keys, run_study

SEEDS = 200


class Nothing:
    """An executor that only counts."""

    def __init__(self) -> None:
        self.asked = 0

    def run(self, jobs: Sequence[CellJob], tell: Tell) -> None:
        """Count."""
        del tell
        self.asked += len(jobs)


def silent(*_: CellNews | int) -> None:
    """Hear nothing."""


def main() -> None:
    """Print both times."""
    dataset = open_dataset("synthetic")
    study = named_study("paper", named_training("thermal"), seeds=SEEDS)
    study = replace(study, settings=study.settings.resolved(dataset))
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "study"
        run_study(  # labels and baselines, which are made once
            replace(study, seeds=(0,)),
            out,
            dataset=dataset,
            executor=Nothing(),
            tell=silent,
            tell_labels=silent,
        )
        datasets = {study.settings.data.source: dataset}
        inputs = make_all_labels(study, datasets, out / "labels", progress=silent)
        keys = cell_keys(study, dataset, inputs)
        for name, done in (("none done", 0), ("all but one done", len(study.cells()) - 1)):
            for cell in study.cells()[:done]:
                place, key = out / "cells" / cell.name, keys[cell.name]
                place.mkdir(parents=True, exist_ok=True)
                facts = {"identity": key.run, "labels": key.labels, "format": FORMAT}
                facts["fingerprint"] = key.fingerprint
                (place / FACTS).write_text(json.dumps(facts))
                (place / ROWS).write_bytes(b"")
            executor = Nothing()
            began = time.perf_counter()
            run_study(
                study, out, dataset=dataset, executor=executor, tell=silent, tell_labels=silent
            )
            seconds = time.perf_counter() - began
            print(
                f"{len(study.cells())} cells, {name}: {seconds:.1f} s, {executor.asked} to compute"
            )


if __name__ == "__main__":
    main()
