"""`thermodepth serve` on the command line, from its first line to a polite kill."""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from urllib.request import urlopen

import pytest

from thermodepth import cli
from thermodepth.cli import serve as command
from thermodepth.errors import DependencyError, SettingsError
from thermodepth.serve.app import address_of, bound_socket


@pytest.fixture
def without_fastapi(monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(
        "thermodepth.serve.app.find_spec", lambda name: None if name == "fastapi" else find(name)
    )


@pytest.mark.usefixtures("without_fastapi")
def test_without_its_packages_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["thermodepth", "serve"])
    with pytest.raises(SystemExit) as stop:
        cli.main()
    assert stop.value.code == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "pip install 'thermodepth[serve]'" in printed.err


@pytest.mark.usefixtures("without_fastapi")
def test_packages_are_missed_before_the_model_is_loaded(tmp_path: Path) -> None:
    with pytest.raises(DependencyError):
        command.serve(str(tmp_path / "no model"), device="cpu")


def test_an_address_that_cannot_be_served_is_a_persons_mistake() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(SettingsError, match=rf"--port {port}: cannot be served"):
            bound_socket("127.0.0.1", port)
    with pytest.raises(SettingsError, match=r"--host 203\.0\.113\.9"):
        bound_socket("203.0.113.9", 7860)


def test_the_address_that_is_printed() -> None:
    with bound_socket("127.0.0.1", 0) as bound:
        port = bound.getsockname()[1]
        assert address_of("127.0.0.1", bound) == f"http://127.0.0.1:{port}/"
        assert address_of("::1", bound) == f"http://[::1]:{port}/"


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


def test_importing_the_command_does_not_import_the_server() -> None:
    program = "import sys, thermodepth.cli.serve; sys.exit('fastapi' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program]).returncode == 0


def test_it_answers_and_a_polite_kill_leaves_nothing_behind(
    small_model: Path, tmp_path: Path
) -> None:
    pytest.importorskip("fastapi", reason="fastapi is not installed")
    with bound_socket("127.0.0.1", 0) as bound:
        port = bound.getsockname()[1]
    words = ["serve", "--model", str(small_model), "--port", str(port), "--device", "cpu"]
    environment = {**os.environ, "TMPDIR": str(tmp_path), "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        [sys.executable, "-m", "thermodepth", *words],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            assert f"http://127.0.0.1:{port}/" in process.stdout.readline()
            with urlopen(f"http://127.0.0.1:{port}/health", timeout=20) as reply:
                assert json.load(reply)["model"] == "small"
            assert any(tmp_path.iterdir())
            process.send_signal(signal.SIGTERM)
            assert process.wait(timeout=20) == 0
        finally:
            process.kill()
    assert list(tmp_path.iterdir()) == []
