"""Every command that the README and the docs show is one: name, options and arguments are known."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from thermodepth.cli.registry import app

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(r"^```(?:sh|bash|console)\n(.*?)^```", re.DOTALL | re.MULTILINE)
COMMAND = typer.main.get_command(app)


def commands(text: str) -> Iterator[list[str]]:
    """The words of every `thermodepth ...` in the shell blocks of a page."""
    for block in BLOCK.findall(text):
        for line in block.replace("\\\n", " ").splitlines():
            for part in re.split(r"\s(?:\|\||&&|;|\|)\s", line):
                lexer = shlex.shlex(part, posix=True, punctuation_chars=False)
                lexer.whitespace_split, lexer.commenters = True, "#"
                words = list(lexer)
                while words and re.fullmatch(r"[A-Z_]+=\S*", words[0]):  # NAME=value before it
                    del words[0]
                if words[:1] == ["thermodepth"]:
                    yield words[1:]


def mistake(words: list[str]) -> str:
    """What typer says of a line that means nothing; empty for a command."""
    command: Any = COMMAND
    context = command.context_class(command, info_name="thermodepth")
    try:
        while hasattr(command, "resolve_command") and words and not words[0].startswith("-"):
            name, command, words = command.resolve_command(context, words)
            context = command.context_class(command, info_name=name, parent=context)
        if "--help" not in words:
            command.make_context(context.info_name, list(words), parent=context.parent)
    except Exception as error:  # of the click inside typer, which has no public name
        if not hasattr(error, "format_message"):
            raise
        return str(error.format_message())
    return ""


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_parse(page: Path) -> None:
    lines = commands(page.read_text(encoding="utf-8"))
    mistakes = {shlex.join(words): problem for words in lines if (problem := mistake(words))}
    assert not mistakes


def test_there_are_commands_and_wrong_ones_are_noticed() -> None:
    listed = [words for page in PAGES for words in commands(page.read_text(encoding="utf-8"))]
    assert len(listed) > 100
    for wrong in (
        "predikt a.png",
        "predict a.png --fow 50",
        "study run paper --seed 3",
        "train --out",
    ):
        assert mistake(wrong.split()), wrong
