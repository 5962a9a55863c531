"""Options that several commands take, each declared once and taken by annotation.

    def train(out: ..., data: OptionalData = None, edits: Set = []) -> None: ...

An option of one command alone is declared in that command's file, in the same way. Options that belong
together are the fields of a dataclass, which a command takes as one parameter (`LensOptions` in `lens.py`);
`spread_groups` shows them to typer one by one.
"""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable, Iterator
from dataclasses import MISSING, Field, fields, is_dataclass
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import typer

from thermodepth.errors import SettingsError

# --- data ----------------------------------------------------------------------------------------

#: Kept by hand: the table itself, DATASETS, is not imported for a help text.
SPECS = "synthetic, or NAME:PATH with synthetic, mm5, ms2, vivid_indoor, vivid_outdoor, firestereo, folder."
#: Where settings, a recipe or a study file may say it too: an option that was not given edits nothing.
OptionalData = Annotated[
    str | None,
    typer.Option("--data", help=f"{SPECS} Default: what the recipe or file says; else synthetic."),
]
JsonReport = Annotated[
    Path | None, typer.Option("--json", help="Also write the report to this file.")
]

# --- settings ------------------------------------------------------------------------------------

Set = Annotated[
    list[str],
    typer.Option(
        "--set",
        help="Edit any setting: PATH=VALUE, such as losses.metric_silog.weight=2. Repeatable.",
    ),
]
Steps = Annotated[int | None, typer.Option("--steps", min=1, help="Optimiser steps.")]
With = Annotated[
    list[str],
    typer.Option(
        "--with",
        help="A .py file of your own terms, metrics, data sets, teachers, encoders or normalisers, which is "
        "run; or the name of an installed extension. Repeatable.",
    ),
]
Labels = Annotated[
    Path | None,
    typer.Option(
        help="Folder of teacher labels; made labels are found again. Default: user cache."
    ),
]

# --- studies -------------------------------------------------------------------------------------

StudyName = Annotated[
    str, typer.Argument(help="A recipe: paper, paper-factorial; or a study file, .toml or .py.")
]
Seeds = Annotated[
    int | None,
    typer.Option(
        "--seeds", min=1, max=1000, help="Seeds per arm. Default: 1, or those of the file."
    ),
]
Twin = Annotated[
    bool,
    typer.Option(
        "--twin", help="Also train the reference once more (A/A): the noise of the machine."
    ),
]
StudyOut = Annotated[
    Path | None, typer.Option("--out", help="The study's folder. Default: runs/NAME-DATA.")
]

Tuned = Annotated[
    Path | None,
    typer.Option(
        "--tuned",
        help="Weights that `study tune` chose: its folder or tuned.toml. METHODS.md says how.",
    ),
]

# --- models --------------------------------------------------------------------------------------

_MODELS = "A run folder, a model folder or a built-in name."
Model = Annotated[str, typer.Option("--model", help=_MODELS)]
ModelArgument = Annotated[str, typer.Argument(metavar="MODEL", help=_MODELS)]
ShortSide = Annotated[
    int | None,
    typer.Option(help="Pixels of the short side that the network sees. Default: as trained."),
]
Runtime = Annotated[
    str | None,
    typer.Option(
        help="torch, onnx or openvino. Default: torch for a model, what is installed for the file of a graph "
        "that `export` wrote (--model model.onnx)."
    ),
]
SteadyDepth = Annotated[
    bool, typer.Option("--steady", help="Steady the depth: filtered over time (docs/video.md).")
]
FlyingStep = Annotated[
    float | None,
    typer.Option(
        "--flying",
        help="Points are left out where depth changes by more than this share from pixel to pixel; 0 keeps "
        "them. Default: 0.1.",
    ),
]
Device = Annotated[str, typer.Option("--device", help="auto, cpu or cuda.")]


def frame_size(text: str) -> tuple[int, int]:
    """(rows, columns) of `--size WIDTHxHEIGHT`.

    Raises:
        SettingsError: for another text.
    """
    match = re.fullmatch(r"([1-9][0-9]{0,4})x([1-9][0-9]{0,4})", text)
    if match is None:
        raise SettingsError(f"--size {text}: expected WIDTHxHEIGHT such as 640x512")
    return int(match[2]), int(match[1])


def load_with(sources: list[str]) -> None:
    """What `--with` names, before any setting is looked at."""
    if sources:
        from thermodepth.extensions import load_extensions

        load_extensions(sources)


# --- groups of options ---------------------------------------------------------------------------


def spread_groups(function: Callable[..., None]) -> Callable[..., None]:
    """The same command with an option for every field of a parameter that is a dataclass.

    The fields stand where the parameter stood, in their order; called, they make the dataclass again.
    """
    signature = inspect.signature(function, eval_str=True)
    groups = {p.name: p.annotation for p in signature.parameters.values() if _is_group(p)}

    @functools.wraps(function)
    def command(**values: Any) -> None:
        for name, group in groups.items():
            values[name] = group(**{f.name: values.pop(f.name) for f in fields(group)})
        function(**values)

    parameters = [q for p in signature.parameters.values() for q in _spread(p)]
    command.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {p.name: p.annotation for p in parameters}
    return command


def _is_group(parameter: inspect.Parameter) -> bool:
    return isinstance(parameter.annotation, type) and is_dataclass(parameter.annotation)


def _spread(parameter: inspect.Parameter) -> Iterator[inspect.Parameter]:
    if not _is_group(parameter):
        yield parameter
        return
    hints = get_type_hints(parameter.annotation, include_extras=True)
    for row in fields(parameter.annotation):
        yield parameter.replace(name=row.name, annotation=hints[row.name], default=_default(row))


def _default(row: Field[Any]) -> Any:
    """An option of a group has one: a person need not say anything of the group."""
    return row.default if row.default_factory is MISSING else row.default_factory()
