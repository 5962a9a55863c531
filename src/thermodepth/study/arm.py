"""One configuration under study."""

from __future__ import annotations

from dataclasses import dataclass, field

from thermodepth.config import Edits


@dataclass(frozen=True, slots=True, kw_only=True)
class Arm:
    """One configuration under study."""

    name: str  # in rows and folder names
    title: str  # in tables and figures
    edits: Edits = field(default_factory=dict)  # what it changes in the study's settings


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmLabel:
    """An arm as tables and figures call it."""

    name: str  # in the rows
    title: str  # for people
