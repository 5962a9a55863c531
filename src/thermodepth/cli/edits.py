"""Options of the command line as edits of settings: an option edits only when it was given."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from thermodepth.config import parse_edit
from thermodepth.errors import SettingsError

if TYPE_CHECKING:
    from thermodepth.training.settings import TrainingSettings


def edits_of_options(options: Mapping[str, tuple[str, Any]], sets: Sequence[str]) -> dict[str, Any]:
    """Dotted edits of the options that were given and of `--set`.

    Args:
        options: dotted path -> (the option's name, its value; None where it was not given).
        sets: texts of `--set`; of two for one path the later holds.

    Raises:
        SettingsError: for a text without a `=`, or an option and a `--set` that say different things: one
            of them would be overruled.
    """
    edits = {path: value for path, (_, value) in options.items() if value is not None}
    for text in sets:
        path, value = parse_edit(text)
        option, typed = options.get(path, ("", None))
        if typed is not None and typed != value:
            raise SettingsError(
                f"{option} {typed} with --set {path}={json.dumps(value)}: both set {path}; give one of them"
            )
        edits[path] = value
    return edits


def recipe_settings(
    recipe: str, options: Mapping[str, tuple[str, Any]], sets: Sequence[str]
) -> TrainingSettings:
    """A recipe's settings with the options that were given and `--set` edits on top; data by full path.

    Args:
        recipe: its name, for one that starts from a model with `:MODEL`.
        options, sets: as `edits_of_options`.

    Raises:
        SettingsError: for an unknown recipe, or edits that cannot be.
    """
    from thermodepth.data.registry import absolute_spec
    from thermodepth.recipes import named_training

    settings = named_training(recipe).edit(edits_of_options(options, sets))
    absolute = {"data.source": absolute_spec(settings.data.source)}
    if settings.runtime.watch.source:
        absolute["runtime.watch.source"] = str(
            Path(settings.runtime.watch.source).expanduser().absolute()
        )
    return settings.edit(absolute)
