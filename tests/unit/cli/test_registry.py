"""Commands by name: every one is a file that is imported alone, and nothing heavy is loaded for a help."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import pytest
import typer
from typer.testing import CliRunner

import thermodepth.cli
from thermodepth.cli.options import spread_groups
from thermodepth.cli.registry import LazyGroup, lazy_group
from thermodepth.shipped import BUILT_IN, DEFAULT_MODEL

FOLDER = Path(thermodepth.cli.__file__).parent
#: Pydantic is not here: typer itself makes options with it.
HEAVY = {"torch", "numpy", "PIL", "cv2", "scipy", "pyarrow", "matplotlib", "rich.live"}


def commands() -> Iterator[tuple[tuple[str, ...], Any]]:
    """(words on the command line, the command) of everything that can be called."""
    root: Any = typer.main.get_command(thermodepth.cli.app)
    for name in root.list_commands(None):
        command = root.get_command(None, name)
        if isinstance(command, LazyGroup):
            for inner in command.list_commands(None):
                yield (name, inner), command.get_command(None, inner)
        else:
            yield (name,), command


def module_of(words: tuple[str, ...]) -> str:
    return ".".join(("thermodepth.cli", *words)).replace("-", "_")


WORDS = [words for words, _ in commands()]


def modules_after(program: str) -> set[str]:
    """What a fresh Python has loaded after a program."""
    listing = (
        f"import json, sys\n{program}\nprint(json.dumps(sorted(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", listing], check=True, capture_output=True, text=True
    )
    return set(json.loads(done.stderr.splitlines()[-1]))


def test_a_command_is_the_function_of_its_file() -> None:
    for words, command in commands():
        assert command.callback.__module__ == module_of(words), words
        assert command.callback.__name__ == words[-1].replace("-", "_")
        assert command.help, words


def test_no_help_loads_anything_heavy() -> None:
    program = """
from typer.testing import CliRunner
from thermodepth.cli import app
for words in WORDS:
    result = CliRunner().invoke(app, [*words, "--help"])
    assert result.exit_code == 0, words
""".replace("WORDS", repr([(), ("data",), ("study",), *WORDS]))
    loaded = modules_after(program)
    assert {module_of(words) for words in WORDS} <= loaded
    assert loaded & HEAVY == set()


def test_a_call_imports_its_own_command_alone() -> None:
    program = """
from typer.testing import CliRunner
from thermodepth.cli import app
assert CliRunner().invoke(app, ["study", "plan", "--help"]).exit_code == 0
"""
    loaded = modules_after(program)
    assert {words for words in WORDS if module_of(words) in loaded} == {("study", "plan")}


def test_a_mistyped_name_is_answered_with_those_that_there_are() -> None:
    result = CliRunner().invoke(thermodepth.cli.app, ["trian"])
    assert result.exit_code == 2
    assert "Did you mean 'train'?" in result.output


def test_a_hyphen_on_the_command_line_is_an_underscore_in_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "of_commands"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "say_it.py").write_text("def say_it():\n    '''Says.'''\n    print('it')\n")
    monkeypatch.syspath_prepend(tmp_path)
    app = typer.Typer(cls=lazy_group("of_commands", "say-it"))
    app.callback()(lambda: None)
    result = CliRunner().invoke(app, ["say-it"])
    assert (result.exit_code, result.output) == (0, "it\n")


@pytest.mark.parametrize("words", [("predict",), ("serve",)], ids=" ".join)
def test_the_default_model_is_one_that_ships(words: tuple[str, ...]) -> None:
    (command,) = (command for name, command in commands() if name == words)
    (model,) = (row for row in command.params if row.name == "model")
    assert model.default == DEFAULT_MODEL
    assert DEFAULT_MODEL in BUILT_IN
    for name in BUILT_IN:
        assert (FOLDER.parent / "assets" / name / "model.json").is_file()


# --- options -------------------------------------------------------------------------------------


def test_no_option_is_declared_twice() -> None:
    """The same words about the same kind of value in two files would be one option in `options.py`."""
    declared = Counter(
        ast.unparse(node)
        for path in FOLDER.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and ast.unparse(node.func) in ("typer.Option", "typer.Argument")
        and any(keyword.arg == "help" for keyword in node.keywords)
    )
    assert len(declared) > 90
    assert [text for text, count in declared.items() if count > 1] == []


@dataclass(frozen=True, kw_only=True)
class Size:
    """A group of options."""

    width: Annotated[int, typer.Option("--width", min=1)] = 3
    names: Annotated[list[str], typer.Option("--name")] = field(default_factory=list)


def _sized(
    calls: list[Any],
) -> Any:
    def command(
        first: Annotated[str, typer.Argument()],
        size: Size = Size(),
        last: Annotated[bool, typer.Option("--last")] = False,
    ) -> None:
        calls.append((first, size, last))

    command.__annotations__ = {
        "first": Annotated[str, typer.Argument()],
        "size": Size,
        "last": Annotated[bool, typer.Option("--last")],
        "return": None,
    }
    return command


@pytest.mark.parametrize(
    ("arguments", "size", "last"),
    [
        (["a"], Size(), False),
        (["a", "--width", "7", "--last"], Size(width=7), True),
        (["a", "--name", "x", "--name", "y"], Size(names=["x", "y"]), False),
    ],
)
def test_the_fields_of_a_group_are_options(arguments: list[str], size: Size, last: bool) -> None:
    calls: list[Any] = []
    app = typer.Typer()
    app.command()(spread_groups(_sized(calls)))
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    assert calls == [("a", size, last)]
    assert CliRunner().invoke(app, ["a", "--width", "0"]).exit_code == 2


def test_the_options_of_a_group_stand_where_the_group_stood() -> None:
    command: Any = typer.main.get_command(_typer_of(spread_groups(_sized([]))))
    names = [row.name for row in command.params if row.name != "help"]
    assert names == ["first", "width", "names", "last"]


def _typer_of(function: Any) -> typer.Typer:
    app = typer.Typer(add_completion=False)
    app.command()(function)
    return app
