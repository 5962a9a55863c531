"""What the programs that score models have in common: what they are asked, and how they end."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from recordings.answers import Model, open_model
from thermodepth.errors import SettingsError, UserError
from thermodepth.threads import set_thread_policy


def parser_of(description: str | None) -> argparse.ArgumentParser:
    """Models, and which of the frames, at which size, into which file."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("models", nargs="+", metavar="MODEL")
    parser.add_argument("--every", type=int, default=1, help="every how many-th frame")
    parser.add_argument("--short-side", type=int)
    parser.add_argument("--json", type=Path)
    return parser


def run(name: str, work: Callable[[argparse.Namespace], None], options: argparse.Namespace) -> None:
    """Do it on one thread; what a user can mend is one line."""
    set_thread_policy(1)
    try:
        if options.every < 1:
            raise SettingsError(f"--every {options.every}: expected at least 1")
        work(options)
    except UserError as error:
        sys.exit(f"{name}: {error}")


def open_models(names: Sequence[str], *, short_side: int | None) -> list[Model]:
    """All of them, of one modality.

    Raises:
        SettingsError: for thermal and RGB models together.
        WeightsError: for one that is not there.
    """
    models = [open_model(name, short_side=short_side) for name in names]
    if len({model.modality for model in models}) > 1:
        raise SettingsError("thermal and RGB models have no scores in common; give them apart")
    return models
