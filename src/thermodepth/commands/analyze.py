"""`thermodepth study analyze`: from a table of measurements to verdicts, without torch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pyarrow.compute as pc

from thermodepth.commands.terminal import console
from thermodepth.errors import SettingsError, unknown
from thermodepth.evaluation.results.rows import ROW_SCHEMA, WHOLE_FRAME, read_rows
from thermodepth.files import byte_count, write_text
from thermodepth.metrics import METRICS
from thermodepth.report.study.findings_tables import effects_table, findings_tables
from thermodepth.report.study.methods import methods_text, remarks_of
from thermodepth.statistics.claims import PAPER_CLAIMS, Claim
from thermodepth.statistics.designs import FULL
from thermodepth.statistics.findings import Findings, analyze
from thermodepth.statistics.measurements import Measurements, split_form
from thermodepth.statistics.metric_names import Direction, direction_of, known_metric
from thermodepth.statistics.reading import read_measurements
from thermodepth.study.factors_record import factors_in
from thermodepth.study.results.result_rows import measurements_of

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
    lower: str,
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
    for name in (*_names(primary), *_names(lower), *_names(higher)):
        if name not in measured:
            raise SettingsError(unknown("metric", name, measured))
    stated = _stated(_names(lower), _names(higher), own=own)
    blocks = {name: block for name, block in measured.items() if not asked or name in asked}
    if own and not asked:
        blocks = {name: block for name, block in measured.items() if name in SHOWN}
    arms = next(iter(blocks.values())).arms
    declared = _names(primary) or (tuple(n for n in PRIMARY if n in blocks) if own else None)
    record = factors_in(_folder_of(results)) if own else None
    answers = analyze(
        blocks,
        arm_factors=None if record is None else record.arm_factors(),
        reference=reference or (FULL if FULL in arms else arms[0]),
        primary=declared,
        better=stated,
        claims=CLAIMS[claims],
        claimed=measured,
        smallest_effect=smallest_effect,
    )
    printed = declared or tuple(blocks)
    console.print(
        effects_table(answers, metrics=[answers.measurements[n].metric for n in printed]).rich()
    )
    tables = findings_tables(answers)
    for name in ("claims", "best", "planner"):
        if name in tables:
            console.print(tables[name].rich())
    notes = (*_assumed(answers, own=own, stated=stated), *remarks_of(answers))
    for note in notes:
        console.print(note, markup=False, highlight=False)
    if out is not None:
        _write(answers, out, pairing="" if record is None else record.pairing)
        console.print(f"tables (md, csv, tex) and METHODS.md in {out}", soft_wrap=True)


def _stated(lower: Sequence[str], higher: Sequence[str], *, own: bool) -> dict[str, Direction]:
    """Which way metrics run that a person spoke of."""
    for option, names in (("--lower", lower), ("--higher", higher)):
        if own and names:
            raise SettingsError(f"{option}: which way a study's own metrics run is known")
    both = [name for name in lower if name in higher]
    if both:
        raise SettingsError(f"--lower and --higher both name '{both[0]}'")
    return {**dict.fromkeys(lower, "lower"), **dict.fromkeys(higher, "higher")}


def _assumed(found: Findings, *, own: bool, stated: Mapping[str, Direction]) -> Iterator[str]:
    """What was taken for granted or left out."""
    lost = dict.fromkeys(words for block in found.measurements.values() for words in block.left_out)
    for words in lost:
        yield f"Left out: {words}."
    if own:
        return
    yield from _directions(found, stated)
    first = next(iter(found.measurements.values()))
    if len(set(first.clusters)) == len(first.images):
        yield (
            "Every image is taken as a recording of its own; a column 'cluster' says which images belong "
            "together, such as the frames of one video."
        )


def _directions(found: Findings, stated: Mapping[str, Direction]) -> Iterator[str]:
    """How names that are not ours were read, and which have no verdict for want of a direction."""
    read: dict[Direction, list[str]] = {"lower": [], "higher": []}
    unknown_ways = []
    for name in dict.fromkeys(split_form(name)[0] for name in found.measurements):
        if name in METRICS or name in stated:
            continue
        way, row = direction_of(name), known_metric(name)
        if way is None:
            unknown_ways.append(name)
        else:
            read[way].append(name if row is None else f"{name} (as {row.label})")
    for way, names in read.items():
        if names:
            other = "lower" if way == "higher" else "higher"
            yield f"Better when {way}: {', '.join(names)}; --{other} names those that are not."
    if unknown_ways:
        yield (
            f"No verdict on {', '.join(unknown_ways)}: nobody said which way is better; --lower or --higher "
            "says it."
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
        names = dict.fromkeys([*(asked or SHOWN), *(claim.metric for claim in claims)])
        measured = set(pc.unique(rows["metric"]).to_pylist())
        for name in asked:
            if name.partition(".")[0] not in measured:
                raise SettingsError(unknown("metric", name, measured & METRICS.keys()))
        return {
            name: measurements_of(rows, name, arms=arms, images="common")
            for name in names
            if name.partition(".")[0] in measured
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


def _folder_of(results: Path) -> Path:
    return results if results.is_dir() else results.parent


def _write(found: Findings, out: Path, *, pairing: str) -> None:
    if out.exists() and not out.is_dir():
        raise SettingsError(f"--out {out}: is a file, expected a folder")
    for stem, table in findings_tables(found).items():
        write_text(out / f"{stem}.md", table.markdown())
        write_text(out / f"{stem}.csv", table.csv())
        write_text(out / f"{stem}.tex", table.latex())
    write_text(out / "METHODS.md", methods_text(found, pairing=pairing))


def _names(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())
