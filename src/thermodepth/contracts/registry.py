"""Which contracts are whose, and a row held against all of its own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from thermodepth.contracts.contract import Contract, Verdict, broken_by
from thermodepth.contracts.losses import LOSS_CONTRACTS, forms_of
from thermodepth.extensions import Extension, Registry
from thermodepth.losses import LossRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Examples:
    """What rows that read files are tried on, by the row's name."""

    datasets: dict[str, str] = field(default_factory=dict)  # NAME:PATH of a small set
    teachers: dict[str, Any] = field(default_factory=dict)  # `TeacherSettings`


#: By the type of the rows.
CONTRACTS: dict[type[Any], tuple[Contract[Any], ...]] = {LossRow: LOSS_CONTRACTS}


def check_row(row: Any, examples: Examples) -> Iterator[Verdict]:
    """Hold a row against every contract of its table that applies to it."""
    kind = Registry.by_type[type(row)].kind
    for name, subject in _subjects(row, examples):
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
    """What the contracts of a row are checked on, by a name for people."""
    if isinstance(row, LossRow):
        yield from forms_of(row).items()
    else:
        yield row.name, row
