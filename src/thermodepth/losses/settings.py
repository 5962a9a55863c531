"""`LossesSettings`: one field per row of the table, and the switches of the groups.

Both follow the table: a term that an extension brings has its settings beside ours, `losses.my_term.weight`,
and a group that no other term is in has its switch, `losses.groups.mine`.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any, ClassVar, Self

from pydantic import BaseModel, Field, create_model, model_validator
from pydantic.fields import FieldInfo

from thermodepth.config import Settings
from thermodepth.losses.registry import LOSSES
from thermodepth.losses.term import TermSettings


class Groups(Settings):
    """The switches of the study. What stands in no group is always on; other groups come with their rows."""

    silog: bool = True
    smooth: bool = True
    consistency: bool = True

    def on(self, group: str) -> bool:
        """Whether the terms of this group are computed."""
        return group == "always" or bool(getattr(self, group))


#: The groups that published runs know.
_FIRST_GROUPS = frozenset(Groups.model_fields)


class _Losses(Settings):
    """Which loss terms are on, with what weights and options."""

    #: Terms that wait for a weight came after the seven of the published runs.
    later: ClassVar[frozenset[str]] = frozenset()

    groups: Groups = Field(default_factory=Groups)

    def term(self, name: str) -> TermSettings:
        """The settings of one term by its name in the table."""
        settings: TermSettings = getattr(self, name)
        return settings

    def switched_on(self) -> tuple[str, ...]:
        """The terms that are computed at some time of the training, in the order of the table."""
        return tuple(
            name
            for name, row in LOSSES.items()
            # Settings that were made before an extension was loaded lack its terms.
            if name in self.__dict__ and self.groups.on(row.group) and self.term(name).weight > 0.0
        )

    @model_validator(mode="after")
    def _something_to_learn(self) -> Self:
        names = self.switched_on()
        if not names:
            raise ValueError(
                "no loss term is on: every weight is 0 or its group is off; "
                f"give one of {', '.join(LOSSES)} a weight above 0"
            )
        first = min(names, key=lambda name: self.term(name).start)
        if self.term(first).start > 0.0:
            raise ValueError(
                f"no loss term is on before {self.term(first).start} of the training "
                f"(the first is {first}); set losses.{first}.start=0"
            )
        for name in names:
            if self.term(name).start == 1.0:
                warnings.warn(
                    f"losses.{name} starts at 1.0, the end of training: it has no effect",
                    stacklevel=2,
                )
            for idle in self.term(name).without_effect():
                warnings.warn(f"losses.{name}.{idle}", stacklevel=2)
        return self


if TYPE_CHECKING:

    class LossesSettings(_Losses):
        """The generated class below, as far as a type checker can know it."""

        def __init__(self, **fields: Any) -> None: ...
        def __getattr__(self, name: str) -> Any: ...

else:
    LossesSettings = create_model(
        "LossesSettings",
        __base__=_Losses,
        __doc__=_Losses.__doc__,
        __module__=__name__,  # where pickle finds it
    )

#: Records with a `LossesSettings` inside: what pydantic made of them is made anew with it.
_HOLDERS: list[type[BaseModel]] = []


def rebuilt_with_terms(holder: type[BaseModel]) -> None:
    """From now on this record knows every field that a new term brings; for records with `LossesSettings`."""
    _HOLDERS.append(holder)


def _follow_table() -> None:
    """Fields for rows that joined the table, none for rows that left it."""
    terms, groups = LossesSettings.model_fields, Groups.model_fields
    switches = {row.group for row in LOSSES.values()} - {"always"} | _FIRST_GROUPS
    for name in set(terms) - set(LOSSES) - {"groups"}:
        del terms[name]
    for name in set(groups) - switches:
        del groups[name]
    for name, row in LOSSES.items():
        if name not in terms:
            terms[name] = FieldInfo.from_annotated_attribute(row.settings, row.settings())
        if row.group != "always" and row.group not in groups:
            groups[row.group] = FieldInfo.from_annotated_attribute(bool, True)
    LossesSettings.later = frozenset(
        name for name, row in LOSSES.items() if row.settings().weight == 0.0
    )
    Groups.later = frozenset(groups) - _FIRST_GROUPS
    models: tuple[type[BaseModel], ...] = (Groups, LossesSettings, *_HOLDERS)
    for model in models:
        model.model_rebuild(force=True)


_follow_table()
LOSSES.followers.append(_follow_table)
