"""Put the tables and figures of finished studies into the README and the docs: `make results`.

A page says where with two comments; what stands between them is replaced, never typed:

    <!-- study:runs/paper-synthetic:table -->   ...   <!-- end -->

Tables come from STUDY/NAME.md; the changes of a study of `PUBLISHED` go into the package, so that a shorter
run is printed beside them; figures that a page shows are copied to docs/pictures/ under the study's name.
The scores that the tables of a study of `SCORED` stand on go to docs/studies/scores/, from which anybody can
compute the tables again: `thermodepth study analyze docs/studies/scores/NAME.parquet`.
"""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from thermodepth.files import replacing

ROOT = Path(__file__).resolve().parent.parent
PAGES = (
    "README.md",
    "docs/results.md",
    "docs/results_ko.md",
    "docs/tables.md",
    "docs/real_frames.md",
)
PICTURES = ROOT / "docs" / "pictures"
#: Studies whose changes ship: folder -> the study's name.
PUBLISHED = {"runs/paper-synthetic": "paper"}
#: Studies whose scores are published, by folder, and which scores.
SCORED = ("paper-synthetic", "paper-limited-synthetic", "paper-readings-synthetic")
SCORES = ROOT / "docs" / "studies" / "scores"
METRICS = ("abs_rel", "rmse", "silog", "log_bias", "ordinal_error", "boundary_f1")
WHOLE = {"slice": "all", "head": "depth", "against": "truth", "alignment": "none"}
ASSETS = ROOT / "src" / "thermodepth" / "assets" / "published"
FIGURES = ("fig1_structure.png", "fig2_metric.png")
PLACE = re.compile(r"(<!-- study:(\S+?):(\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def main() -> int:
    """Refresh every page; 1 when a study that a page names is not there."""
    missing = []
    for page in PAGES:
        path = ROOT / page
        text = path.read_text(encoding="utf-8")

        def filled(match: re.Match[str]) -> str:
            opening, study, name, closing = match.groups()
            source = ROOT / study / f"{name}.md"
            if not source.is_file():
                missing.append(str(source.relative_to(ROOT)))
                return match[0]
            return f"{opening}{source.read_text(encoding='utf-8').strip()}\n{closing}"

        path.write_text(PLACE.sub(filled, text), encoding="utf-8")
        for study in {match[1] for match in PLACE.findall(text)}:
            for figure in FIGURES:
                drawn, copied = ROOT / study / figure, f"{Path(study).name}-{figure}"
                if drawn.is_file() and f"pictures/{copied}" in text:
                    PICTURES.mkdir(exist_ok=True)
                    shutil.copyfile(drawn, PICTURES / copied)
    for folder, name in PUBLISHED.items():
        changes = ROOT / folder / "changes.json"
        if changes.is_file():
            shutil.copyfile(changes, ASSETS / f"study-{name}.json")
    for name in SCORED:
        study_folder = ROOT / "runs" / name
        if (study_folder / "rows.parquet").is_file():
            arms = sorted(path.name for path in (study_folder / "cells").iterdir())
            scores = scores_of(pq.read_table(study_folder / "rows.parquet"), arms)
            with replacing(SCORES / f"{name}.parquet") as path:
                pq.write_table(scores, path, compression="zstd")
    for name in dict.fromkeys(missing):
        print(f"{name}: not there; run that study first", file=sys.stderr)
    return 1 if missing else 0


def scores_of(rows: pa.Table, arms: Sequence[str]) -> pa.Table:
    """Of whole frames as `study analyze` reads them: arm, seed, image, metric, value.

    Depth is in metres as it is (no alignment) and held against truth. Baselines are no arms.
    """
    chosen = pc.field("arm").isin(arms) & pc.field("metric").isin(METRICS)
    for column, value in WHOLE.items():
        chosen &= pc.field(column) == value
    scores = rows.filter(chosen).rename_columns({"sample_id": "image"})
    return scores.select(["arm", "seed", "image", "metric", "value"])


if __name__ == "__main__":
    sys.exit(main())
