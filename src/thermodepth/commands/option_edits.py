"""Options of the command line as edits of settings: an option edits only when it was given."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from thermodepth.config import parse_edit
from thermodepth.errors import SettingsError


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
