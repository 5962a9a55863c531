"""A study as a Python file: the file is run and its function `study()` called."""

from __future__ import annotations

import re
import sys
import traceback
from pathlib import Path
from types import ModuleType

from thermodepth.errors import DataError, SettingsError
from thermodepth.files import read_bytes

MOST_BYTES = 200_000  # of a study's file


def call_study(path: Path) -> object:
    """What the file's `study()` returns.

    Raises:
        SettingsError: naming the file and the line, when it cannot be read, lacks the function or raises.
    """
    try:
        source = read_bytes(path, limit=MOST_BYTES)
    except DataError as error:
        raise SettingsError(str(error)) from None
    module = ModuleType(f"thermodepth_study_{re.sub('[^a-zA-Z0-9]', '_', path.stem)}")
    module.__file__ = str(path)
    sys.modules[module.__name__] = module  # the file's dataclasses look themselves up
    try:
        exec(compile(source, str(path), "exec"), module.__dict__)
        make = getattr(module, "study", None)
        returned = make() if callable(make) else None
    except (Exception, SystemExit) as error:  # one that ends the program is no study either
        text = " ".join(str(error).split())
        raise SettingsError(
            f"{path}:{_line(error, path)} {type(error).__name__}: {text}"
        ) from error
    finally:
        sys.modules.pop(module.__name__, None)
    if not callable(make):
        raise SettingsError(f"{path}: has no function study()")
    return returned


def _line(error: BaseException, path: Path) -> str:
    """` line 7:` of the file, where the mistake is in it."""
    if isinstance(error, SyntaxError):
        return f" line {error.lineno}:"
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in frames if frame.filename == str(path)]
    return f" line {lines[-1]}:" if lines else ""
