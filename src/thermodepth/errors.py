"""What can go wrong, as a tree.

    ThermodepthError
    ├── UserError (also a ValueError)   a person can mend it: the message says where, what, and how
    │   ├── SettingsError               an unknown or impossible setting
    │   ├── DataError                   a file or folder that is missing, broken or not what it claims
    │   ├── TeacherError                a teacher that cannot be loaded or whose maps are unusable
    │   ├── WeightsError                a checkpoint or model folder that is missing, broken or foreign
    │   ├── StudyError                  a study folder that belongs to another study, or a failed cell
    │   ├── OutputError (also OSError)   a file that cannot be written: the disk is full, no permission
    │   └── DependencyError             an optional package that is needed and not installed
    └── DivergedError                   training met a loss or gradient that is not finite

The command line prints a `UserError` as one line and exits with 2, a `DivergedError` with 3. Our own
mistakes are plain assertions and keep their traceback.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class ThermodepthError(Exception):
    """Root of everything this package raises on purpose."""


class UserError(ThermodepthError, ValueError):
    """Something the person at the keyboard can mend."""


class SettingsError(UserError):
    """An unknown or impossible setting."""


class DataError(UserError):
    """A file or folder that is missing, broken or not what it claims to be."""


class TeacherError(UserError):
    """A teacher that cannot be loaded, or whose maps cannot be used."""


class WeightsError(UserError):
    """A checkpoint or model folder that is missing, broken or made by something else."""


class StudyError(UserError):
    """A study folder that belongs to another study, or a cell that could not be finished."""


class OutputError(UserError, OSError):
    """A file that cannot be written, such as on a full disk."""


class DependencyError(UserError):
    """An optional package that this call needs and that is not installed."""


class DivergedError(ThermodepthError):
    """Training met a loss or a gradient that is not finite."""


def nearest(name: str, allowed: Iterable[str]) -> str:
    """`; did you mean 'x'?` for the closest allowed word, or an empty string."""
    match = difflib.get_close_matches(name, list(allowed), n=1, cutoff=0.5)
    return f"; did you mean '{match[0]}'?" if match else ""


def unknown(kind: str, name: str, allowed: Iterable[str]) -> str:
    """The message for a name that is not in a table: what was given, the nearest, all that exist."""
    names = sorted(allowed)
    return f"unknown {kind} '{name}'{nearest(name, names)} (known: {', '.join(names)})"
