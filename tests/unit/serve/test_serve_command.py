"""`thermodepth serve` on the command line, as far as it goes without gradio."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from thermodepth import cli
from thermodepth.cli import serve as command
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
        command.serve(str(tmp_path / "no model"), device="cpu")


def test_the_default_address_is_this_machines_only(monkeypatch: pytest.MonkeyPatch) -> None:
    served: list[object] = []

    def start_page(_page: object, **options: object) -> str:
        served.append(options)
        raise KeyboardInterrupt

    monkeypatch.setenv("GRADIO_TEMP_DIR", "")  # put back afterwards: the command sets it
    monkeypatch.setattr("thermodepth.serve.page.require_gradio", lambda: None)
    monkeypatch.setattr("thermodepth.inference.predictor.load", lambda model, **_: model)
    monkeypatch.setattr("thermodepth.serve.page.build_page", lambda predictor, **_: predictor)
    monkeypatch.setattr("thermodepth.serve.page.start_page", start_page)
    monkeypatch.setattr(sys, "argv", ["thermodepth", "serve"])
    with pytest.raises(SystemExit) as stop:
        cli.main()
    assert stop.value.code == 130
    options = {"host": "127.0.0.1", "port": 7860, "model": "thermal-any", "allowed_hosts": []}
    assert served == [options]


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
    program = "import sys, thermodepth.cli.serve; sys.exit('gradio' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program]).returncode == 0
