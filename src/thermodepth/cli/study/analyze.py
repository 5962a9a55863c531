"""`thermodepth study analyze`: from a table of measurements to verdicts, without torch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from thermodepth.cli.options import With, load_with
from thermodepth.errors import SettingsError, unknown

if TYPE_CHECKING:
    from thermodepth.statistics.claims import Claim
    from thermodepth.statistics.findings import Findings
    from thermodepth.statistics.measurements import Measurements
    from thermodepth.statistics.metric_names import Direction
    from thermodepth.study.run_tables.measurements import RunMeasurements

#: Of a study's own rows, where none is named: what carries a verdict, and what explains it.
PRIMARY = ("abs_rel", "rmse")
EXPLAINING = ("silog", "log_bias", "ordinal_error", "boundary_f1", "total_variation_ratio")

Results = Annotated[
    Path,
    typer.Argument(
        help="CSV or parquet with the columns arm, seed, image, metric, value and perhaps cluster; a "
        "study's folder or its rows.parquet; or runs that another program logged: the CSV of W&B's table "
        "of runs or of MLflow's search_runs, an mlruns folder, TensorBoard's events or downloads, "
        "folders of Lightning's CSVLogger."
    ),
]
Reference = Annotated[
    str, typer.Option(help="The arm that changes are relative to. Default: full, or the first.")
]
MetricNames = Annotated[
    str, typer.Option(help="Which, with commas; METRIC.spread and the like too. Default: all.")
]
Primary = Annotated[
    str,
    typer.Option(
        help="Metrics that verdicts are given for, with commas. Default: all with a known direction."
    ),
]
Lower = Annotated[
    str, typer.Option(help="Metrics of a CSV that are better when lower, with commas.")
]
Higher = Annotated[
    str,
    typer.Option(
        help="Those that are better when higher. A metric whose name tells no direction has no verdict "
        "without either."
    ),
]
SmallestEffect = Annotated[
    float, typer.Option(help="What is too small to matter, as a share of the reference.")
]
Claims = Annotated[str, typer.Option(help="Claims to judge: paper, or none. Default: none.")]
ArmColumn = Annotated[
    str,
    typer.Option(
        help="Of logged runs: the settings, with commas, that name the arm. Default: looked for."
    ),
]
SeedColumn = Annotated[
    str, typer.Option(help="Of logged runs: the setting with the seed. Default: looked for.")
]
Out = Annotated[
    Path | None, typer.Option(help="Folder for the tables (md, csv, tex) and METHODS.md.")
]


def analyze(
    results: Results,
    reference: Reference = "",
    metrics: MetricNames = "",
    primary: Primary = "",
    lower: Lower = "",
    higher: Higher = "",
    smallest_effect: SmallestEffect = 0.01,
    claims: Claims = "none",
    arm_column: ArmColumn = "",
    seed_column: SeedColumn = "",
    out: Out = None,
    extensions: With = [],
) -> None:
    """Effects, interactions and verdicts with intervals over seeds and scenes.

    Every number is a contrast over arms. Arms named full, no-A, no-A-no-B are read as a design.
    """
    load_with(extensions)
    from thermodepth.statistics.designs import FULL
    from thermodepth.statistics.findings import analyze as analyze_measurements
    from thermodepth.study.factors_record import factors_in
    from thermodepth.study.switched_record import switched_in

    judged = _claims(claims)
    names = _names(metrics)
    runs = _logged_runs(
        results,
        metrics=names,
        stated=_stated(_names(lower), _names(higher), is_study=False),
        arm_columns=_names(arm_column),
        seed_column=seed_column,
    )
    measured, is_study = _measured(results, names, judged, runs)
    for name in (*_names(primary), *_names(lower), *_names(higher)):
        if name not in measured:
            raise SettingsError(unknown("metric", name, measured))
    stated = _stated(_names(lower), _names(higher), is_study=is_study)
    if runs is not None:
        stated |= runs.directions
    blocks = {name: block for name, block in measured.items() if not names or name in names}
    if is_study and not names:
        blocks = {n: block for n, block in measured.items() if n in (*PRIMARY, *EXPLAINING)}
    arms = next(iter(blocks.values())).arms
    declared = _names(primary) or (tuple(n for n in PRIMARY if n in blocks) if is_study else None)
    record = factors_in(_folder_of(results)) if is_study else None
    result = analyze_measurements(
        blocks,
        arm_factors=None if record is None else record.arm_factors(),
        reference=reference or (FULL if FULL in arms else arms[0]),
        primary=declared,
        better=stated,
        claims=judged,
        claimed=measured,
        switched=switched_in(_folder_of(results)) if is_study else None,
        smallest_effect=smallest_effect,
    )
    notes = [] if runs is None else [*runs.notes, *_directions_of_runs(runs.directions)]
    notes += _assumed(result, is_study=is_study, stated=stated)
    _print(result, declared or tuple(blocks), notes)
    if out is not None:
        _write(result, out, pairing="" if record is None else record.pairing)


def _claims(name: str) -> tuple[Claim, ...]:
    from thermodepth.statistics.claims import PAPER_CLAIMS

    sets: dict[str, tuple[Claim, ...]] = {"none": (), "paper": PAPER_CLAIMS}
    if name not in sets:
        raise SettingsError(f"--claims: {unknown('set of claims', name, sets)}")
    return sets[name]


def _print(result: Findings, metrics: Sequence[str], assumed: Sequence[str]) -> None:
    """The effects on these metrics, the tables below them, and what was taken for granted."""
    from thermodepth.cli.terminal import console
    from thermodepth.report.study.findings_tables import effects_table, findings_tables
    from thermodepth.report.study.methods import remarks_of

    printed = [result.measurements[name].metric for name in metrics]
    console.print(effects_table(result, metrics=printed, readings_below=True).rich())
    tables = findings_tables(result)
    for name in ("claims", "best", "planner"):
        if name in tables:
            console.print(tables[name].rich())
    for note in (*assumed, *remarks_of(result)):
        console.print(note, markup=False, highlight=False)


def _stated(lower: Sequence[str], higher: Sequence[str], *, is_study: bool) -> dict[str, Direction]:
    """Which way metrics run that a person spoke of."""
    for option, names in (("--lower", lower), ("--higher", higher)):
        if is_study and names:
            raise SettingsError(f"{option}: which way a study's own metrics run is known")
    both = [name for name in lower if name in higher]
    if both:
        raise SettingsError(f"--lower and --higher both name '{both[0]}'")
    return {**dict.fromkeys(lower, "lower"), **dict.fromkeys(higher, "higher")}


def _assumed(result: Findings, *, is_study: bool, stated: Mapping[str, Direction]) -> Iterator[str]:
    """What was taken for granted or left out."""
    from thermodepth.statistics.measurements import RUN_LEVEL

    blocks = result.measurements.values()
    for omission in dict.fromkeys(text for block in blocks for text in block.left_out):
        yield f"Left out: {omission}."
    if is_study:
        return
    yield from _directions(result, stated)
    first = next(iter(blocks))
    if first.images != (RUN_LEVEL,) and len(set(first.clusters)) == len(first.images):
        yield (
            "Every image is taken as a recording of its own; a column 'cluster' says which images belong "
            "together, such as the frames of one video."
        )


def _directions(result: Findings, stated: Mapping[str, Direction]) -> Iterator[str]:
    """How names that are not ours were read, and which have no verdict for want of a direction."""
    from thermodepth.metrics import METRICS
    from thermodepth.statistics.measurements import split_form
    from thermodepth.statistics.metric_names import direction_of, known_metric

    by_direction: dict[Direction, list[str]] = {"lower": [], "higher": []}
    undirected = []
    for name in dict.fromkeys(split_form(name)[0] for name in result.measurements):
        if name in METRICS or name in stated:
            continue
        direction, row = direction_of(name), known_metric(name)
        if direction is None:
            undirected.append(name)
        else:
            by_direction[direction].append(name if row is None else f"{name} (as {row.label})")
    for direction, names in by_direction.items():
        if names:
            opposite = "lower" if direction == "higher" else "higher"
            yield f"Better when {direction}: {', '.join(names)}; --{opposite} names those that are not."
    if undirected:
        yield (
            f"No verdict on {', '.join(undirected)}: nobody said which way is better; --lower or --higher "
            "says it."
        )


def _logged_runs(
    results: Path,
    *,
    metrics: Sequence[str],
    stated: Mapping[str, Direction],
    arm_columns: Sequence[str],
    seed_column: str,
) -> RunMeasurements | None:
    """The numbers of an export of W&B, MLflow, TensorBoard or Lightning; None for anything else."""
    from thermodepth.study.run_tables.measurements import run_measurements
    from thermodepth.study.run_tables.registry import read_run_export

    is_study = results.is_dir() and (results / "rows.parquet").exists()
    export = None if is_study else read_run_export(results)
    if export is None:
        if arm_columns or seed_column:
            option = "--arm-column" if arm_columns else "--seed-column"
            raise SettingsError(f"{option}: {results} has its own columns for arm and seed")
        return None
    return run_measurements(
        export, metrics=metrics, stated=stated, arm_columns=arm_columns, seed_column=seed_column
    )


def _directions_of_runs(directions: Mapping[str, Direction]) -> Iterator[str]:
    """Which way logged numbers were taken to be better."""
    for way in ("lower", "higher"):
        names = [name for name, direction in directions.items() if direction == way]
        if names:
            opposite = "lower" if way == "higher" else "higher"
            yield f"Better when {way}: {', '.join(names)}; --{opposite} names those that are not."


def _measured(
    results: Path,
    quantities: Sequence[str],
    claims: Sequence[Claim],
    runs: RunMeasurements | None,
) -> tuple[dict[str, Measurements], bool]:
    """The blocks by quantity, and whether they are the rows of a study of ours."""
    from thermodepth.statistics.reading import read_measurements

    if runs is not None:
        return dict(runs.blocks), False
    path = results / "rows.parquet" if results.is_dir() else results
    if path.suffix == ".parquet" and _is_ours(path):
        return _measured_in_study(path, quantities, claims), True
    plain = read_measurements(path)
    for name in quantities:
        if name not in plain:
            raise SettingsError(unknown("metric", name, plain))
    return plain, False


def _measured_in_study(
    path: Path, quantities: Sequence[str], claims: Sequence[Claim]
) -> dict[str, Measurements]:
    import pyarrow.compute as pc

    from thermodepth.evaluation.rows.rows import WHOLE_FRAME, read_rows
    from thermodepth.metrics import METRICS
    from thermodepth.study.results.result_rows import measurements_of

    rows = read_rows(path)
    rows = rows.filter(pc.equal(rows["slice"], WHOLE_FRAME))
    arms = [name for name in pc.unique(rows["arm"]).to_pylist() if not _is_baseline(name)]
    names = quantities or (*PRIMARY, *EXPLAINING)
    measured = set(pc.unique(rows["metric"]).to_pylist())
    for name in quantities:
        if name.partition(".")[0] not in measured:
            raise SettingsError(unknown("metric", name, measured & METRICS.keys()))
    return {
        name: measurements_of(rows, name, arms=arms, images="common")
        for name in dict.fromkeys([*names, *(claim.metric for claim in claims)])
        if name.partition(".")[0] in measured
    }


def _is_ours(path: Path) -> bool:
    import pyarrow.parquet as pq

    from thermodepth.evaluation.rows.rows import ROW_SCHEMA
    from thermodepth.files import byte_count

    if not path.exists():
        return False
    byte_count(path)
    try:
        return set(pq.read_schema(path).names) == set(ROW_SCHEMA.names)
    except Exception:
        return False  # the reader of plain tables says what is wrong


def _is_baseline(arm: str) -> bool:
    from thermodepth.evaluation.rows.rows import TEACHER_ARM
    from thermodepth.evaluation.scoring.baselines import BASELINES

    return arm in BASELINES or arm == TEACHER_ARM


def _folder_of(results: Path) -> Path:
    return results if results.is_dir() else results.parent


def _write(result: Findings, out: Path, *, pairing: str) -> None:
    from thermodepth.cli.terminal import console
    from thermodepth.files import write_text
    from thermodepth.report.study.findings_tables import findings_tables
    from thermodepth.report.study.methods import methods_text

    if out.exists() and not out.is_dir():
        raise SettingsError(f"--out {out}: is a file, expected a folder")
    for stem, table in findings_tables(result).items():
        write_text(out / f"{stem}.md", table.markdown())
        write_text(out / f"{stem}.csv", table.csv())
        write_text(out / f"{stem}.tex", table.latex())
    write_text(out / "METHODS.md", methods_text(result, pairing=pairing))
    console.print(f"tables (md, csv, tex) and METHODS.md in {out}", soft_wrap=True)


def _names(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())
