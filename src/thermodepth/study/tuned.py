"""Weights that a search chose, as a file: edits of a recipe, with what they were chosen by.

`thermodepth study tune` writes `tuned.toml`; `study run --tuned tuned.toml`, or `tuned = "tuned.toml"` in a
study file, applies its edits and repeats in METHODS.md what was searched, on which frames and how.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from thermodepth.config import Edits, Settings, difference
from thermodepth.errors import DataError, SettingsError
from thermodepth.files import read_bytes, write_text
from thermodepth.training.settings import TrainingSettings
from thermodepth.training.unread import is_under

FILE = "tuned.toml"
MOST_BYTES = 2**20
#: Settings that say where and under which number a run was made, and nothing of what its weights mean.
ABOUT_PLACE = ("seed", "runtime", "teacher.runtime", "data.source", "extensions")
FORMAT: Literal[1] = 1
_HEAD = (
    "# Loss weights that `thermodepth study tune` chose, one term at a time, and what they were chosen by.\n"
    "# `thermodepth study run STUDY --tuned THIS` trains with them and says so in METHODS.md.\n"
)


class TunedLevel(Settings):
    """One weight of a term that was tried."""

    weight: float = Field(ge=0)
    #: Edits of the term; empty for the recipe's form.
    form: dict[str, Any] = Field(default_factory=dict)
    loss_percent: float | None = (
        None  # of the total, at the end of training; None where no log says it
    )
    #: Of the criterion, against the recipe's; None without results.
    change_percent: float | None = None
    low: float | None = None  # its 95 % interval; None of a single run and of the recipe's own
    high: float | None = None
    best: bool = False  # the lowest, or not to be told from it
    added: bool = False  # beyond the grid that all terms have, because the best lay at its end


class TunedTerm(Settings):
    """One term: what was tried, and what was chosen."""

    name: str
    recipe_weight: float = Field(ge=0)
    weight: float = Field(ge=0)  # that was chosen
    form: dict[str, Any] = Field(default_factory=dict)  # that was chosen
    finding: str = ""  # in a sentence
    levels: tuple[TunedLevel, ...]

    @model_validator(mode="after")
    def _was_tried(self) -> TunedTerm:
        if (self.weight, self.form) not in [(level.weight, level.form) for level in self.levels]:
            raise ValueError(f"{self.name}: the weight {self.weight:g} is none of its levels")
        return self

    @property
    def edits(self) -> dict[str, Any]:
        """Of a recipe; none where its own weight is the lowest."""
        edits = {f"losses.{self.name}.{name}": value for name, value in self.form.items()}
        if self.weight != self.recipe_weight:
            edits[f"losses.{self.name}.weight"] = self.weight
        return edits


class TunedWeights(Settings):
    """The content of `tuned.toml`."""

    format: Literal[1] = FORMAT
    study: str = Field(pattern=r"^[0-9a-f]{16}$")  # identity of the search
    name: str
    data: str  # the data set's name
    data_note: str
    data_fingerprint: str
    split: str
    frames: int = Field(ge=1)
    recordings: int = Field(ge=1)
    seeds: tuple[int, ...] = Field(min_length=1)
    steps: int = Field(ge=1)
    metrics: tuple[str, ...] = Field(
        min_length=1
    )  # of whose relative changes the criterion is the mean
    edits: dict[str, Any] = Field(default_factory=dict)
    #: What the searched recipe sets otherwise than the defaults do.
    searched_with: dict[str, Any] = Field(default_factory=dict)
    terms: tuple[TunedTerm, ...] = Field(min_length=1)

    @field_validator("split")
    @classmethod
    def _is_no_test(cls, split: str) -> str:
        if split == "test":
            raise ValueError("weights that were chosen on the test split are none to test with")
        return split

    @model_validator(mode="after")
    def _edits_are_those_of_the_terms(self) -> TunedWeights:
        chosen = {path: value for term in self.terms for path, value in term.edits.items()}
        if chosen != self.edits:
            path = sorted(
                path
                for path in chosen.keys() | self.edits.keys()
                if chosen.get(path) != self.edits.get(path)
            )[0]
            raise ValueError(
                f"edits: {path} = {self.edits.get(path, 'unedited')}, and the search chose "
                f"{chosen.get(path, 'the recipe as it is')}; weights of one's own go into a study file or "
                "--set"
            )
        return self


def read_tuned(path: Path) -> TunedWeights:
    """What a search chose.

    Args:
        path: the file, or the folder of the search.

    Raises:
        SettingsError: naming the file, for what cannot be read or is no such file.
    """
    path = path / FILE if path.is_dir() else path
    try:
        tree = tomllib.loads(read_bytes(path, limit=MOST_BYTES).decode("utf-8-sig"))
    except DataError as error:
        raise SettingsError(str(error)) from None
    except (ValueError, RecursionError) as error:
        raise SettingsError(f"{path}: cannot be read as TOML ({error})") from None
    if "terms" not in tree or "format" not in tree:
        raise SettingsError(
            f"{path}: holds no chosen weights; `thermodepth study tune` writes {FILE}"
        )
    return TunedWeights.parse(tree, where=str(path))


def write_tuned(path: Path, tuned: TunedWeights) -> None:
    """Write the file, whole or not at all."""
    write_text(path, _HEAD + _toml(tuned.tree()))


def with_tuned(
    settings: TrainingSettings, tuned: TunedWeights, others: Edits, where: str
) -> TrainingSettings:
    """The settings with what the search chose.

    Args:
        settings: with the other edits made.
        tuned: what was chosen.
        others: edits that a person made beside it.
        where: what messages call the study.

    Raises:
        SettingsError: where another edit says something else of what the search chose, or for a search whose
            settings this version does not know.
    """
    for term in tuned.terms:
        for path in (f"losses.{term.name}.weight", *term.edits):
            chosen = term.edits.get(path, term.weight)
            if path in others and others[path] != chosen:
                raise SettingsError(
                    f"{where}: {path} = {json.dumps(others[path])}, and the weights of {tuned.name} have "
                    f"{json.dumps(chosen)}; give one of them"
                )
    every = {f"losses.{term.name}.weight": term.weight for term in tuned.terms}
    try:
        edited = settings.edit({**every, **tuned.edits})
        settings_apart(tuned, edited)
    except SettingsError as error:
        raise SettingsError(f"{where}: the weights of {tuned.name}: {error}") from None
    return edited


def settings_apart(
    tuned: TunedWeights, settings: TrainingSettings
) -> dict[str, tuple[object, object]]:
    """`{dotted path: (in the search, here)}` of what a run with chosen weights does otherwise.

    Raises:
        SettingsError: for a search whose settings this version does not know.
    """
    searched = TrainingSettings().edit({**tuned.searched_with, **tuned.edits})
    return {
        path: change
        for path, change in difference(searched, settings).items()
        if not any(is_under(path, place) for place in ABOUT_PLACE)
    }


# --- TOML ----------------------------------------------------------------------------------------


def _toml(tree: Mapping[str, Any]) -> str:
    """Keys, then sections, then lists of sections; what is empty has no line."""
    plain = {key: value for key, value in tree.items() if not _is_section(value)}
    lines = list(_lines({key: value for key, value in plain.items() if not _is_sections(value)}))
    for key, value in tree.items():
        if _is_section(value):
            lines += ["", f"[{key}]", *_lines(value)]
    for key, value in plain.items():
        for entry in value if _is_sections(value) else ():
            lines += ["", f"[[{key}]]", *_lines(entry)]
    return "\n".join(lines) + "\n"


def _lines(section: Mapping[str, Any]) -> Iterator[str]:
    for key, value in section.items():
        if value is not None and value != {}:
            yield f"{key if key.isidentifier() else json.dumps(key)} = {_value(value)}"


def _value(value: Any) -> str:
    """A value of a line; of a list of sections inside a section a line each."""
    if isinstance(value, Mapping):
        return f"{{ {', '.join(_lines(value))} }}"
    if isinstance(value, list) and any(isinstance(each, Mapping) for each in value):
        return "[\n" + "".join(f"    {_value(each)},\n" for each in value) + "]"
    if isinstance(value, list):
        return f"[{', '.join(map(_value, value))}]"
    if isinstance(value, float):
        return repr(value)
    # Strings of JSON are strings of TOML but for DEL, which JSON leaves as it is.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _is_section(value: Any) -> bool:
    return isinstance(value, Mapping)


def _is_sections(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(map(_is_section, value))
