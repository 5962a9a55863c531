"""A table of rows by name that an extension's rows can join."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any, ClassVar, Generic, TypeVar

from thermodepth.errors import SettingsError

Row = TypeVar("Row")

#: Names stand in settings, in columns of tables and in folder names.
NAME = re.compile(r"[a-z][a-z0-9_-]{0,47}")


class Registry(dict[str, Row], Generic[Row]):
    """Rows by name. Ours are listed where the table is made; others join through `join`, all or none."""

    #: Every table, by the type of its rows. A row's module imports its table, so who has a row has its table.
    by_type: ClassVar[dict[type[Any], Registry[Any]]] = {}

    def __init__(
        self,
        kind: str,
        row_type: type[Row],
        rows: Iterable[Row],
        *,
        check: Callable[[Row], None] | None = None,
    ) -> None:
        """
        Args:
            kind: what messages call a row, such as "loss term".
            row_type: of its rows; they have a `name`.
            rows: our own, in the order of the table.
            check: raises a SettingsError for a row that cannot join.
        """
        listed = tuple(rows)
        super().__init__({_name(row): row for row in listed})
        assert len(self) == len(listed), f"two rows of one name in the table of the {kind}s"
        self.kind = kind
        #: Called after rows joined or left.
        self.followers: list[Callable[[], None]] = []
        #: Names that an extension brought, with its sha256.
        self.origins: dict[str, str] = {}
        self._check = check
        Registry.by_type[row_type] = self

    def check(self, row: Row) -> None:
        """Whether a row can join.

        Raises:
            SettingsError: for a name that is taken or no name, or what the table itself refuses.
        """
        name = _name(row)
        if not NAME.fullmatch(name):
            raise SettingsError(
                f"{self.kind} '{name[:60]}': expected a name of a-z, 0-9, _ and -, at most 48 of them"
            )
        if name in self:
            owner = "an extension" if name in self.origins else "thermodepth"
            raise SettingsError(
                f"{self.kind} '{name}': {owner} has one of this name already; rows are added, never replaced"
            )
        if self._check is not None:
            self._check(row)

    def join(self, row: Row, sha256: str) -> None:
        """Add a row that `check` let pass, of an extension with this hash."""
        self[_name(row)] = row
        self.origins[_name(row)] = sha256
        self._follow()

    def leave(self, name: str) -> None:
        """Take an extension's row out again."""
        del self[name], self.origins[name]
        self._follow()

    def _follow(self) -> None:
        for follow in self.followers:
            follow()


def _name(row: Any) -> str:
    return str(row.name)
