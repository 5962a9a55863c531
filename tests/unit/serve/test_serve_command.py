"""`thermodepth serve` on the command line, as far as it goes without gradio."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from thermodepth import cli
from thermodepth.commands import serve as command
from thermodepth.errors import DependencyError


@pytest.fixture
def without_gradio(monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(
        "thermodepth.serve.page.find_spec", lambda name: None if name == "gradio" else find(name)
    )


@pytest.mark.usefixtures("without_gradio")
def test_without_gradio_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["thermodepth", "serve"])
    with pytest.raises(SystemExit) as stop:
        cli.main()
    assert stop.value.code == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert "pip install 'thermodepth[serve]'" in said.err


@pytest.mark.usefixtures("without_gradio")
def test_gradio_is_missed_before_the_model_is_loaded(tmp_path: Path) -> None:
    with pytest.raises(DependencyError):
        command.serve_page(str(tmp_path / "no model"), host="127.0.0.1", port=7860, device="cpu")


def test_the_default_address_is_this_machines_only(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []
    monkeypatch.setattr(command, "serve_page", lambda model, **rest: asked.append((model, rest)))
    monkeypatch.setattr(sys, "argv", ["thermodepth", "serve"])
    with pytest.raises(SystemExit) as stop:
        cli.main()
    assert stop.value.code == 0
    rest = {"host": "127.0.0.1", "port": 7860, "device": "auto", "allowed_hosts": []}
    assert asked == [("thermal-any", rest)]


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("localhost", True),
        ("[::1]", True),
        ("0.0.0.0", False),
        ("192.168.1.5", False),
        ("lab.example", False),
    ],
)
def test_which_addresses_are_seen_by_others(host: str, loopback: bool) -> None:
    assert command._is_loopback(host) is loopback


def test_importing_the_page_does_not_import_gradio() -> None:
    program = "import sys, thermodepth.commands.serve; sys.exit('gradio' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program]).returncode == 0
