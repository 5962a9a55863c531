"""The commands by name: each is a file of its own, imported when it is called or when its help is asked."""

from __future__ import annotations

import importlib
from typing import Annotated, Any, ClassVar

import typer
from typer.core import TyperGroup

from thermodepth.cli.options import spread_groups


class LazyGroup(TyperGroup):
    """A group of commands whose files are imported one by one.

    `thermodepth predict` reads the options of `predict` alone. The help of a group needs a line of every
    command of it, so it imports them all; none of them imports anything heavy outside of its function.
    """

    package: ClassVar[str]
    #: In the order of the help. The command `check-this` is the function `check_this` of the file
    #: `check_this.py` in the package.
    names: ClassVar[tuple[str, ...]]

    def list_commands(self, ctx: Any) -> list[str]:
        """The commands in files, then the groups."""
        return [
            *self.names,
            *(name for name in super().list_commands(ctx) if name not in self.names),
        ]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command of a name, made now where it stands in a file; None for an unknown name."""
        if cmd_name in self.names and cmd_name not in self.commands:
            self.commands[cmd_name] = _command(self.package, cmd_name)
        return super().get_command(ctx, cmd_name)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """As typer does; what it proposes for a mistyped name are names of commands that it has."""
        if args and args[0] not in self.list_commands(ctx):
            for name in self.names:
                self.get_command(ctx, name)
        return super().resolve_command(ctx, args)


def lazy_group(package: str, *names: str) -> type[LazyGroup]:
    """The class of a group with these commands, for `typer.Typer(cls=...)`."""
    return type("Group", (LazyGroup,), {"package": package, "names": names})


def _command(package: str, name: str) -> Any:
    stem = name.replace("-", "_")
    single = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    function = getattr(importlib.import_module(f"{package}.{stem}"), stem)
    single.command(name)(spread_groups(function))
    return typer.main.get_command(single)


app = typer.Typer(
    name="thermodepth",
    cls=lazy_group(
        "thermodepth.cli",
        "train",
        "adapt",
        "evaluate",
        "predict",
        "stream",
        "bag",
        "calibrate",
        "export",
        "bench",
        "push",
        "serve",
        "label",
        "check-extension",
    ),
    help="Monocular depth from thermal cameras: train it, explain it, ship it.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(
    typer.Typer(
        cls=lazy_group(
            "thermodepth.cli.study", "run", "tune", "cell", "plan", "audit", "analyze", "gradients"
        ),
        no_args_is_help=True,
    ),
    name="study",
    help="Loss studies: arms, tables, figures, report.",
)
app.add_typer(
    typer.Typer(
        cls=lazy_group(
            "thermodepth.cli.data", "info", "preview", "calib", "check", "realism", "render"
        ),
        no_args_is_help=True,
    ),
    name="data",
    help="Look at data sets, check them, render synthetic ones.",
)


@app.callback(invoke_without_command=True)
def _top(
    version: Annotated[bool, typer.Option("--version", help="Print the version and stop.")] = False,
) -> None:
    if version:
        from thermodepth import __version__

        print(f"thermodepth {__version__}")
        raise typer.Exit
