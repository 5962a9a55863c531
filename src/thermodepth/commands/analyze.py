"""`thermodepth study analyze`: from a table of measurements to verdicts, without torch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow.compute as pc

from thermodepth.commands.terminal import console
from thermodepth.errors import SettingsError, unknown
from thermodepth.evaluation.results.rows import ROW_SCHEMA, WHOLE_FRAME, read_rows
from thermodepth.files import byte_count, write_text
from thermodepth.metrics import METRICS
from thermodepth.study.analysis.claims import PAPER_CLAIMS, Claim
from thermodepth.study.analysis.designs import FULL
from thermodepth.study.analysis.findings import Findings, findings
from thermodepth.study.analysis.measurements import Measurements
from thermodepth.study.analysis.methods import methods_text, remarks_of
from thermodepth.study.analysis.plain_table import read_measurements
from thermodepth.study.analysis.result_rows import measurements_of
from thermodepth.study.analysis.tables import effects_table, findings_tables

CLAIMS: dict[str, tuple[Claim, ...]] = {"none": (), "paper": PAPER_CLAIMS}
#: Of a study's own rows, where none is named: what carries a verdict, and what explains it.
PRIMARY = ("abs_rel", "rmse")
SHOWN = (*PRIMARY, "silog", "log_bias", "ordinal_error", "boundary_f1", "total_variation_ratio")


def analyze_results(
    results: Path,
    *,
    reference: str,
    metrics: str,
    primary: str,
    higher: str,
    smallest_effect: float,
    claims: str,
    out: Path | None,
) -> None:
    """Read, answer, print, and write when asked.

    Raises:
        SettingsError: for a name that is not there.
        DataError: for a file that is no such table.
    """
    if claims not in CLAIMS:
        raise SettingsError(f"--claims: {unknown('set of claims', claims, CLAIMS)}")
    asked = _names(metrics)
    measured, own = _measured(results, asked, CLAIMS[claims])
    for name in (*_names(primary), *_names(higher)):
        if name not in measured:
            raise SettingsError(unknown("metric", name, measured))
    if own and higher:
        raise SettingsError("--higher: which way a study's own metrics run is known")
    shown = {name: block for name, block in measured.items() if not asked or name in asked}
    if own and not asked:
        shown = {name: block for name, block in measured.items() if name in SHOWN}
    arms = next(iter(shown.values())).arms
    declared = _names(primary) or (tuple(n for n in PRIMARY if n in shown) if own else tuple(shown))
    found = findings(
        shown,
        reference=reference or (FULL if FULL in arms else arms[0]),
        primary=declared,
        better=dict.fromkeys(_names(higher), "higher"),
        claims=CLAIMS[claims],
        claimed=measured,
        smallest_effect=smallest_effect,
    )
    console.print(
        effects_table(found, metrics=[found.measurements[n].metric for n in declared]).rich()
    )
    tables = findings_tables(found)
    for name in ("claims", "best", "planner"):
        if name in tables:
            console.print(tables[name].rich())
    for told in (*_assumed(found, own=own, higher=_names(higher)), *remarks_of(found)):
        console.print(told)
    if out is not None:
        _write(found, out, own=own)
        console.print(f"tables (md, csv, tex) and METHODS.md in {out}", soft_wrap=True)


def _assumed(found: Findings, *, own: bool, higher: Sequence[str]) -> Iterator[str]:
    """What nobody said of somebody's table, and what was taken instead."""
    if own:
        return
    names = [name.partition(".")[0] for name in found.measurements]
    unsaid = [name for name in dict.fromkeys(names) if name not in METRICS and name not in higher]
    if unsaid:
        yield f"Taken as better when lower: {', '.join(unsaid)}; --higher names those that are not."
    first = next(iter(found.measurements.values()))
    if len(set(first.clusters)) == len(first.images):
        yield (
            "Every image is taken as a recording of its own; a column 'cluster' says which images belong "
            "together, such as the frames of one video."
        )


def _measured(
    results: Path, asked: Sequence[str], claims: Sequence[Claim]
) -> tuple[dict[str, Measurements], bool]:
    """The blocks by quantity, and whether they are rows of ours."""
    path = results / "rows.parquet" if results.is_dir() else results
    if path.suffix == ".parquet" and _is_ours(path):
        rows = read_rows(path)
        rows = rows.filter(pc.equal(rows["slice"], WHOLE_FRAME))
        arms = [name for name in pc.unique(rows["arm"]).to_pylist() if not _is_baseline(name)]
        wanted = dict.fromkeys([*(asked or SHOWN), *(claim.metric for claim in claims)])
        there = set(pc.unique(rows["metric"]).to_pylist())
        for name in asked:
            if name.partition(".")[0] not in there:
                raise SettingsError(unknown("metric", name, there & METRICS.keys()))
        return {
            name: measurements_of(rows, name, arms=arms, images="common")
            for name in wanted
            if name.partition(".")[0] in there
        }, True
    plain = read_measurements(path)
    for name in asked:
        if name not in plain:
            raise SettingsError(unknown("metric", name, plain))
    return plain, False


def _is_ours(path: Path) -> bool:
    import pyarrow.parquet as pq

    if not path.exists():
        return False
    byte_count(path)
    try:
        return set(pq.read_schema(path).names) == set(ROW_SCHEMA.names)
    except Exception:
        return False  # the reader of plain tables says what is wrong


def _is_baseline(arm: str) -> bool:
    from thermodepth.evaluation.results.rows import TEACHER_ARM
    from thermodepth.evaluation.scoring.baselines import BASELINES

    return arm in BASELINES or arm == TEACHER_ARM


def _write(found: Findings, out: Path, *, own: bool) -> None:
    if out.exists() and not out.is_dir():
        raise SettingsError(f"--out {out}: is a file, expected a folder")
    for stem, table in findings_tables(found).items():
        write_text(out / f"{stem}.md", table.markdown())
        write_text(out / f"{stem}.csv", table.csv())
        write_text(out / f"{stem}.tex", table.latex())
    write_text(out / "METHODS.md", methods_text(found, paired=own))


def _names(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())
