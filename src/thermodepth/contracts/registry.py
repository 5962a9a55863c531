"""Which contracts are whose, and a row held against all of its own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from thermodepth.contracts.contract import Contract, Verdict, broken_by
from thermodepth.contracts.datasets import DATASET_CONTRACTS, DatasetCase
from thermodepth.contracts.encoders import ENCODER_CONTRACTS
from thermodepth.contracts.losses import LOSS_CONTRACTS, forms_of
from thermodepth.contracts.map_metrics import MAP_METRIC_CONTRACTS
from thermodepth.contracts.metrics import METRIC_CONTRACTS
from thermodepth.contracts.normalisers import NORMALISER_CONTRACTS
from thermodepth.contracts.teachers import TEACHER_CONTRACTS, TeacherCase
from thermodepth.data import open_dataset
from thermodepth.data.registry import DatasetRow
from thermodepth.errors import UserError
from thermodepth.extensions import Extension, Registry
from thermodepth.losses import LossRow
from thermodepth.metrics import ErrorRow, MapFamily
from thermodepth.model.encoders import EncoderRow
from thermodepth.teacher import TeacherSettings
from thermodepth.teacher.registry import TeacherRow
from thermodepth.thermal.normalisers import Normaliser


@dataclass(frozen=True, slots=True, kw_only=True)
class Examples:
    """What rows that read files are tried on, by the row's name."""

    datasets: dict[str, str] = field(default_factory=dict)  # NAME:PATH of a small set
    teachers: dict[str, TeacherSettings] = field(default_factory=dict)


#: By the type of the rows.
CONTRACTS: dict[type[Any], tuple[Contract[Any], ...]] = {
    LossRow: LOSS_CONTRACTS,
    ErrorRow: METRIC_CONTRACTS,
    MapFamily: MAP_METRIC_CONTRACTS,
    DatasetRow: DATASET_CONTRACTS,
    TeacherRow: TEACHER_CONTRACTS,
    EncoderRow: ENCODER_CONTRACTS,
    Normaliser: NORMALISER_CONTRACTS,
}


def check_row(row: Any, examples: Examples) -> Iterator[Verdict]:
    """Hold a row against every contract of its table that applies to it."""
    kind = Registry.by_type[type(row)].kind
    try:
        subjects = list(_subjects(row, examples))
    except Exception as error:  # of a user's code; what cannot be opened keeps no contract
        words = "" if isinstance(error, UserError) else f"{type(error).__name__}: "
        yield Verdict(
            kind=kind,
            row=row.name,
            contract="opens",
            promise="It opens with what was given.",
            failure=f"{words}{error}",
        )
        return
    for name, subject in subjects:
        for contract in CONTRACTS[type(row)]:
            if contract.applies(subject):
                yield Verdict(
                    kind=kind,
                    row=name,
                    contract=contract.name,
                    promise=contract.promise,
                    failure=broken_by(contract, subject),
                )


def verdicts_of(extension: Extension, examples: Examples) -> Iterator[Verdict]:
    """Of every row that the extension brought."""
    tables = {registry.kind: registry for registry in Registry.by_type.values()}
    for kind, name in extension.rows:
        yield from check_row(tables[kind][name], examples)


def _subjects(row: Any, examples: Examples) -> Iterator[tuple[str, Any]]:
    """What the contracts of a row are checked on, by a name for people.

    Raises:
        UserError: for a data set or teacher that does not open.
    """
    if isinstance(row, LossRow):
        yield from forms_of(row).items()
    elif isinstance(row, DatasetRow):
        spec = examples.datasets.get(row.name, row.name)
        try:
            dataset = open_dataset(spec)
        except UserError as error:
            raise type(error)(f"{error}; name a small set with --data {row.name}:PATH") from None
        yield row.name, DatasetCase(row=row, spec=spec, dataset=dataset)
    elif isinstance(row, TeacherRow):
        case = TeacherCase(
            row=row, settings=examples.teachers.get(row.name) or TeacherSettings(kind=row.name)
        )
        try:
            case.teacher()
        except UserError as error:
            raise type(error)(f"{error}; name its model with --teacher {row.name}:MODEL") from None
        yield row.name, case
    else:
        yield row.name, row
