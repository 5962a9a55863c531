"""The page as a browser uses it, served by the real command; skipped where gradio is not installed."""

from __future__ import annotations

import io
import json
import os
import signal
import socket
import subprocess
import sys
import types
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import numpy as np
import pytest
from PIL import Image

from thermodepth.errors import SettingsError
from thermodepth.files import MAX_FILE_BYTES
from thermodepth.inference.predictor import Predictor
from thermodepth.serve.page import start_page

# Imported in here it would add its seconds and its warnings to every other test of the process.
needs_gradio = pytest.mark.skipif(find_spec("gradio") is None, reason="gradio is not installed")


def png(array: np.ndarray) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(array).save(stream, "PNG")
    return stream.getvalue()


@dataclass
class Site:
    """A running `thermodepth serve` and its own folder for temporary files."""

    address: str
    folder: Path
    process: subprocess.Popen[str]

    def get(self, path: str) -> bytes:
        with urlopen(self.address + path, timeout=20) as reply:
            return bytes(reply.read())

    def post(self, path: str, content: bytes, kind: str) -> Any:
        asked = Request(self.address + path, content, {"Content-Type": kind})
        with urlopen(asked, timeout=20) as reply:
            return json.load(reply)

    def drop(
        self, name: str, content: bytes, *, fov_deg: str | float | None = None
    ) -> tuple[str, Any]:
        """Upload a file as the page does: the last event's name and data."""
        head = f'--cut\r\nContent-Disposition: form-data; name="files"; filename="{name}"\r\n\r\n'
        form = head.encode() + content + b"\r\n--cut--\r\n"
        (stored,) = self.post("gradio_api/upload", form, "multipart/form-data; boundary=cut")
        upload = {"path": stored, "orig_name": name, "meta": {"_type": "gradio.FileData"}}
        ask = json.dumps({"data": [upload, fov_deg]}).encode()
        event = self.post("gradio_api/call/depth", ask, "application/json")["event_id"]
        lines = self.get(f"gradio_api/call/depth/{event}").decode().strip().splitlines()
        said = [
            (lines[i][7:], lines[i + 1][6:]) for i in range(len(lines)) if lines[i][:5] == "event"
        ]
        event_name, data = said[-1]
        return event_name, json.loads(data)


@pytest.fixture(scope="module")
def site(small_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("served")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    words = ["serve", "--model", str(small_model), "--port", str(port), "--device", "cpu"]
    with subprocess.Popen(
        [sys.executable, "-m", "thermodepth", *words],
        env={**os.environ, "TMPDIR": str(folder), "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            said = process.stdout.readline()
            assert f"http://127.0.0.1:{port}/" in said, said
            yield Site(f"http://127.0.0.1:{port}/", folder, process)
        finally:
            process.kill()


@needs_gradio
def test_a_dropped_frame_comes_back_as_depth(site: Site, predictor: Predictor) -> None:
    counts = np.random.default_rng(0).integers(7000, 7400, (48, 70)).astype(np.uint16)
    event, (numbers, view, depth, structure) = site.drop("frame.png", png(counts))
    assert event == "complete"
    assert numbers.startswith("### Median depth ")
    for update, name in ((view, "view"), (depth, "depth"), (structure, "structure")):
        assert update["visible"] is True
        assert Path(update["value"]["path"]).name == f"frame_{name}.png"
    with Image.open(io.BytesIO(site.get(f"gradio_api/file={depth['value']['path']}"))) as image:
        metres = np.asarray(image) / 256
    np.testing.assert_allclose(metres, predictor(counts).depth_m, atol=1 / 512, rtol=0)


@needs_gradio
def test_a_lens_that_cannot_be_is_refused_on_the_page(site: Site) -> None:
    counts = np.random.default_rng(0).integers(7000, 7400, (48, 70)).astype(np.uint16)
    for typed, words in (
        ("400", "fov_deg 400.0: expected a number between 1 and 170"),
        ("wide", "field of view 'wide': expected degrees"),
    ):
        event, data = site.drop("frame.png", png(counts), fov_deg=typed)
        assert event == "error"
        assert words in json.dumps(data)
    assert site.drop("frame.png", png(counts), fov_deg="")[0] == "complete"


@needs_gradio
def test_a_wrong_file_gets_our_sentence_and_no_html(site: Site) -> None:
    header = b"\x93NUMPY\x01\x00\x76\x00" + b"<img src=x>".ljust(117) + b"\n"
    event, said = site.drop("bad.npy", header)
    assert event == "error"
    assert "bad.npy: damaged NPY file" in json.dumps(said)
    assert "<img" not in json.dumps(said)


@needs_gradio
def test_nothing_is_shared_collected_or_unbounded(site: Site) -> None:
    config = json.loads(site.get("config"))
    assert config["analytics_enabled"] is False
    assert not config.get("run_history")
    assert config["max_file_size"] == MAX_FILE_BYTES
    (image,) = (part["props"] for part in config["components"] if part["type"] == "image")
    assert image["buttons"] == ["download", "fullscreen"]  # and no "share"


@needs_gradio
def test_a_polite_kill_leaves_no_frame_behind(site: Site) -> None:
    """Stands last: it ends the server of this file."""
    assert any(site.folder.iterdir())
    site.process.send_signal(signal.SIGTERM)
    assert site.process.wait(timeout=20) == 0
    assert list(site.folder.iterdir()) == []


@pytest.mark.parametrize("error", [OSError, RuntimeError])
def test_an_address_that_cannot_be_served_is_a_persons_mistake(
    error: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    def launch(**options: Any) -> None:
        assert options["share"] is False
        assert (options["server_name"], options["server_port"]) == ("127.0.0.1", 80)
        raise error("Cannot find empty port")

    exceptions = types.ModuleType("gradio.exceptions")
    exceptions.ServerFailedToStartError = RuntimeError  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "gradio", types.ModuleType("gradio"))
    monkeypatch.setitem(sys.modules, "gradio.exceptions", exceptions)
    page: Any = types.SimpleNamespace(launch=launch)
    with pytest.raises(SettingsError, match=r"--port 80: cannot be served"):
        start_page(page, host="127.0.0.1", port=80)
