"""A published ablation table as a CSV file.

# a comment: where the table was published
arm,SiLog,Smooth,AbsRel,RMSE
All losses,1,1,0.0809,0.1720
No SiLog,0,1,0.0820,0.1732

One line an arm: its name, 1 or 0 for every factor that is on or off, and every metric as published. Numbers
are kept as the fractions that were printed, so that differences come out as by hand.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

from thermodepth.errors import DataError, SettingsError, nearest, unknown
from thermodepth.files import read_bytes
from thermodepth.metrics import METRICS, Better
from thermodepth.statistics.metric_names import direction_of, known_metric, plain_name
from thermodepth.statistics.shapley import Settings

ARM = "arm"
MOST_BYTES = 1_000_000
MOST_ARMS = 256
MOST_FACTORS = 6
MOST_METRICS = 32
LONGEST_NAME = 80
_NUMBER = re.compile(r"[+-]?(\d{1,12}(\.\d{0,12})?|\.\d{1,12})")
_DIRECTIONS: Mapping[str, Better] = {"lower": "lower", "higher": "higher"}
_SHIPPED = "jang-shin-ko-table1.csv"


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedMetric:
    """One column of results."""

    key: str  # our name of the metric where we have it, else the label in small letters
    label: str  # as published
    better: Better
    optimum: float | None = None  # what "closer" is closer to
    digits: int = 0  # after the decimal point, as published

    def worse_by(self, value: Fraction, reference: Fraction) -> Fraction:
        """By how much the value is worse than the reference; negative where it is better."""
        if self.better == "closer":
            best = Fraction(self.optimum or 0.0)
            return abs(value - best) - abs(reference - best)
        return value - reference if self.better == "lower" else reference - value


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedArm:
    """One line of the table."""

    name: str
    settings: Settings  # of each factor, in the table's order
    values: tuple[Fraction, ...]  # of each metric


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedTable:
    """Arms by metrics, one run each."""

    name: str  # of the file
    source: str  # the file's comments, in one line
    factors: tuple[str, ...]
    metrics: tuple[PublishedMetric, ...]
    arms: tuple[PublishedArm, ...]
    reference: PublishedArm

    def by_settings(self) -> dict[Settings, str]:
        """The name of the arm of every setting that is there; empty without factors."""
        return {arm.settings: arm.name for arm in self.arms} if self.factors else {}


def shipped_table() -> Path:
    """Table 1 of Jang, Shin and Ko, the worked example."""
    return Path(__file__).resolve().parents[2] / "assets" / "published" / _SHIPPED


def metric_key(label: str) -> str:
    """Our name of a metric as papers write it (`Abs Rel`, `RMSE (m)`, `δ<1.25`, `a1`), else small letters."""
    row = known_metric(label)
    return plain_name(label) if row is None else row.name


def read_published(
    path: Path,
    *,
    factors: Sequence[str] = (),
    metrics: Sequence[str] = (),
    reference: str | None = None,
) -> PublishedTable:
    """Read a table of at most MOST_ARMS arms.

    Args:
        path: the CSV file, UTF-8.
        factors: which columns are factors; without it, those that hold only 0 and 1.
        metrics: columns that are metrics though unknown here: `NAME=lower` or `NAME=higher`, or `NAME` where
            its name tells which way is better.
        reference: the arm that differences are taken to; without it, the one with every factor on.

    Raises:
        DataError: naming line and column, for a file that is missing, too large or not such a table.
        SettingsError: for a factor, metric or reference that the table does not have.
    """
    header, lines, source = _lines(path)
    named = _named_metrics(metrics, header)
    for factor in factors:
        if factor not in header[1:]:
            raise SettingsError(f"{path}: {unknown('factor column', factor, header[1:])}")
    columns = {label: place for place, label in enumerate(header) if place}
    measured, of_factors = _kinds(path, columns, lines, factors, named)
    _check_columns(path, measured, of_factors)
    arms, digits = _arms(path, columns, lines, measured, of_factors)
    if not measured:
        raise DataError(
            f"{path}: no column is a known metric ({', '.join(of_factors) or 'there is none'}); "
            "name one with --metric"
        )
    _check_arms(path, arms, [line for line, _ in lines], of_factors)
    return PublishedTable(
        name=path.name,
        source=source,
        factors=tuple(of_factors),
        metrics=tuple(replace(metric, digits=digits[metric.label]) for metric in measured),
        arms=tuple(arms),
        reference=_reference(path, arms, reference, of_factors),
    )


def _kinds(
    path: Path,
    columns: Mapping[str, int],
    lines: Sequence[tuple[int, list[str]]],
    factors: Sequence[str],
    named: Mapping[str, PublishedMetric],
) -> tuple[list[PublishedMetric], list[str]]:
    """(the metrics, the factors) among the columns."""
    # A factor may be called as a metric is: SiLog is a loss term as well.
    switches = {
        label
        for label, place in columns.items()
        if label not in named and {cells[place] for _, cells in lines} <= {"0", "1"}
    }
    measured, of_factors = [], []
    for label in columns:
        metric = named.get(label) or _known_metric(label)
        if label in factors or (not factors and (label in switches or metric is None)):
            of_factors.append(label)
        elif metric is not None:
            measured.append(metric)
        else:
            raise DataError(
                f"{path}: column '{label}' is neither among the factors ({', '.join(factors)}) nor a known "
                "metric; name it with --factors or --metric"
            )
    return measured, of_factors


def _arms(
    path: Path,
    columns: Mapping[str, int],
    lines: Sequence[tuple[int, list[str]]],
    metrics: Sequence[PublishedMetric],
    factors: Sequence[str],
) -> tuple[list[PublishedArm], dict[str, int]]:
    """(the arms, the most digits that each metric is printed with)."""
    arms, digits = [], dict.fromkeys(columns, 0)
    for line, cells in lines:
        settings = tuple(
            _switch(cells[columns[label]], f"{path}: line {line}, column '{label}'", label)
            for label in factors
        )
        values = []
        for metric in metrics:
            text = cells[columns[metric.label]]
            values.append(_number(text, f"{path}: line {line}, column '{metric.label}'"))
            digits[metric.label] = max(digits[metric.label], len(text.partition(".")[2]))
        arms.append(PublishedArm(name=cells[0], settings=settings, values=tuple(values)))
    return arms, digits


# --- lines and cells -----------------------------------------------------------------------------


def _lines(path: Path) -> tuple[list[str], list[tuple[int, list[str]]], str]:
    """Header, numbered lines and the joined comments."""
    try:
        text = read_bytes(path, limit=MOST_BYTES).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise DataError(f"{path}: is no UTF-8 text, expected a CSV file") from None
    comments, rows = [], []
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        for cells in reader:
            stripped = [cell.strip() for cell in cells]
            if not any(stripped):
                continue
            if stripped[0].startswith("#"):
                comments.append(", ".join(stripped).lstrip("# "))
                continue
            rows.append((reader.line_num, stripped))
            if len(rows) > MOST_ARMS + 1:
                raise DataError(f"{path}: more than {MOST_ARMS} arms, far more than a study has")
    except csv.Error as error:
        raise DataError(f"{path}: line {reader.line_num}: no CSV ({error})") from None
    if not rows:
        raise DataError(f"{path}: is empty, expected a header such as arm,SiLog,Smooth,AbsRel")
    (_, header), *lines = rows
    if header[0].casefold() != ARM:
        raise DataError(
            f"{path}: the first column is '{_printable(header[0])}', expected '{ARM}' "
            "(columns are separated by commas)"
        )
    for place, label in enumerate(header):
        where = f"{path}: header, column {place + 1}"
        _check_name(label, where)
        if label in header[:place]:
            raise DataError(f"{where}: '{label}' stands there twice")
    if len(lines) < 2:
        raise DataError(f"{path}: {len(lines)} arms, a difference needs two")
    for line, cells in lines:
        if len(cells) != len(header):
            raise DataError(
                f"{path}: line {line} has {len(cells)} cells, the header {len(header)} columns"
            )
        _check_name(cells[0], f"{path}: line {line}, column '{ARM}'")
    source = "; ".join(comments)
    return header, lines, "".join(c for c in source if c.isprintable())


def _check_name(name: str, where: str) -> None:
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        raise DataError(
            f"{where}: '{_printable(name)}', expected a name of 1 to {LONGEST_NAME} printable letters"
        )


def _switch(text: str, where: str, label: str) -> bool:
    if text not in ("0", "1"):
        raise DataError(
            f"{where}: '{_printable(text)}'; a factor is 0 or 1, and no metric is called '{label}'"
            f"{nearest(label, [row.label for row in METRICS.values()])}"
        )
    return text == "1"


def _number(text: str, where: str) -> Fraction:
    if not _NUMBER.fullmatch(text):
        raise DataError(f"{where}: '{_printable(text)}' is not a number such as 0.0809")
    return Fraction(text)


def _printable(text: str) -> str:
    """A cell in a message: short, and nothing that a terminal would obey."""
    printable = "".join(c if c.isprintable() else "?" for c in text)
    return printable if len(printable) <= 40 else printable[:37] + "..."


# --- columns -------------------------------------------------------------------------------------


def _known_metric(label: str) -> PublishedMetric | None:
    row = known_metric(label)
    if row is None:
        return None
    return PublishedMetric(key=row.name, label=label, better=row.better, optimum=row.optimum)


def _named_metrics(texts: Sequence[str], header: Sequence[str]) -> dict[str, PublishedMetric]:
    """The columns that a person declares to be metrics."""
    named = {}
    for text in texts:
        label, _, direction = text.partition("=") if text not in header else (text, "", "")
        if label not in header[1:]:
            raise SettingsError(f"--metric {text}: {unknown('column', label, header[1:])}")
        if direction and direction not in _DIRECTIONS:
            raise SettingsError(f"--metric {text}: {unknown('direction', direction, _DIRECTIONS)}")
        known = _known_metric(label)
        better = _DIRECTIONS.get(direction) or (known.better if known else direction_of(label))
        if better is None:
            raise SettingsError(
                f"--metric {text}: nobody knows which way is better; {label}=lower or {label}=higher says it"
            )
        named[label] = PublishedMetric(key=metric_key(label), label=label, better=better)
    return named


def _check_columns(path: Path, metrics: Sequence[PublishedMetric], factors: Sequence[str]) -> None:
    if len(metrics) > MOST_METRICS or len(factors) > MOST_FACTORS:
        raise DataError(
            f"{path}: {len(factors)} factors and {len(metrics)} metrics, at most {MOST_FACTORS} and "
            f"{MOST_METRICS}; name metrics that are not known here with --metric"
        )
    labels: dict[str, str] = {}
    for metric in metrics:
        if metric.key in labels:
            raise DataError(
                f"{path}: columns '{labels[metric.key]}' and '{metric.label}' are one metric"
            )
        labels[metric.key] = metric.label


# --- arms ----------------------------------------------------------------------------------------


def _check_arms(
    path: Path, arms: Sequence[PublishedArm], lines: Sequence[int], factors: Sequence[str]
) -> None:
    names: dict[str, int] = {}
    settings: dict[Settings, int] = {}
    for line, arm in zip(lines, arms, strict=True):
        if arm.name in names:
            raise DataError(
                f"{path}: line {line}, column '{ARM}': '{arm.name}' stands on line {names[arm.name]} already"
            )
        if factors and arm.settings in settings:
            raise DataError(
                f"{path}: line {line}: '{arm.name}' has the factors of line {settings[arm.settings]}; "
                "two arms cannot be one configuration"
            )
        names[arm.name] = settings[arm.settings] = line
    for place, factor in enumerate(factors):
        if len({arm.settings[place] for arm in arms}) == 1:
            raise DataError(
                f"{path}: column '{factor}' is {int(arms[0].settings[place])} in every arm; leave it out"
            )


def _reference(
    path: Path, arms: Sequence[PublishedArm], name: str | None, factors: Sequence[str]
) -> PublishedArm:
    names = [arm.name for arm in arms]
    if name is not None:
        if name not in names:
            raise SettingsError(f"{path}: {unknown('reference arm', name, names)}")
        return arms[names.index(name)]
    for arm in arms:
        if factors and all(arm.settings):
            return arm
    why = "no arm has every factor on" if factors else "the table has no factors"
    raise SettingsError(f"{path}: {why}; name the arm to compare with by --reference")
