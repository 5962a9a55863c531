"""`LossesSettings`: one field per row of the table, and the switches of the groups."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any, ClassVar, Self

from pydantic import create_model, model_validator

from thermodepth.config import Settings
from thermodepth.losses.registry import LOSSES, Group
from thermodepth.losses.term import TermSettings


class Groups(Settings):
    """The switches of the study. What stands in no group is always on."""

    silog: bool = True
    smooth: bool = True
    consistency: bool = True

    def on(self, group: Group) -> bool:
        """Whether the terms of this group are computed."""
        return group == "always" or bool(getattr(self, group))


class _Losses(Settings):
    """Which loss terms are on, with what weights and options."""

    #: Terms that wait for a weight came after the seven of the published runs.
    later: ClassVar[frozenset[str]] = frozenset(
        name for name, row in LOSSES.items() if row.settings().weight == 0.0
    )

    groups: Groups = Groups()

    def term(self, name: str) -> TermSettings:
        """The settings of one term by its name in the table."""
        settings: TermSettings = getattr(self, name)
        return settings

    def switched_on(self) -> tuple[str, ...]:
        """The terms that are computed at some time of the training, in the order of the table."""
        return tuple(
            name
            for name, row in LOSSES.items()
            if self.groups.on(row.group) and self.term(name).weight > 0.0
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
        **{name: (row.settings, row.settings()) for name, row in LOSSES.items()},
    )
