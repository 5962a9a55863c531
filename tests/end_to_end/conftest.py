"""The program as a person calls it."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest

from thermodepth import cli


@pytest.fixture
def thermodepth(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Callable[..., tuple[int, str, str]]:
    """Runs the program in this process: (exit code, stdout, stderr)."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("THERMODEPTH_THREADS", "1")
    monkeypatch.setattr(warnings, "formatwarning", warnings.formatwarning)  # the program sets it
    monkeypatch.setenv("THERMODEPTH_CACHE", str(tmp_path / "cache"))

    def call(*words: str | Path) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["thermodepth", *map(str, words)])
        with pytest.raises(SystemExit) as stop:
            cli.main()
        said = capsys.readouterr()
        return int(stop.value.code or 0), said.out, said.err

    return call
