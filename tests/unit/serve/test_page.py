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
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import numpy as np
import pytest
from PIL import Image

import thermodepth
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
    log: Path

    def get(self, path: str) -> bytes:
        with urlopen(self.address + path, timeout=20) as reply:
            return bytes(reply.read())

    def status(self, path: str, host: str) -> int:
        """Of a request that names another host."""
        try:
            with urlopen(Request(self.address + path, headers={"Host": host}), timeout=20) as reply:
                return int(reply.status)
        except HTTPError as refused:
            return refused.code

    def ask(self, data: Any) -> tuple[str, Any]:
        """Of the API, as anybody may: the last event's name and data."""
        content = json.dumps({"data": data}).encode()
        event = self.post("gradio_api/call/depth", content, "application/json")["event_id"]
        lines = self.get(f"gradio_api/call/depth/{event}").decode().strip().splitlines()
        said = [
            (lines[i][7:], lines[i + 1][6:]) for i in range(len(lines)) if lines[i][:5] == "event"
        ]
        event_name, answered = said[-1]
        return event_name, json.loads(answered)

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
        return self.ask([upload, fov_deg])


@pytest.fixture(scope="module")
def site(small_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("served")
    log = tmp_path_factory.mktemp("log") / "stderr"
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    words = ["serve", "--model", str(small_model), "--port", str(port), "--device", "cpu"]
    environment = {**os.environ, "TMPDIR": str(folder), "PYTHONUNBUFFERED": "1"}
    command = [sys.executable, "-m", "thermodepth", *words]
    with (
        log.open("w") as errors,
        subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=errors, text=True
        ) as process,
    ):
        try:
            assert process.stdout is not None
            said = process.stdout.readline()
            assert f"http://127.0.0.1:{port}/" in said, said
            yield Site(f"http://127.0.0.1:{port}/", folder, process, log)
        finally:
            process.kill()


@needs_gradio
def test_a_dropped_frame_comes_back_as_depth(site: Site, predictor: Predictor) -> None:
    counts = np.random.default_rng(0).integers(7000, 7400, (48, 70)).astype(np.uint16)
    event, outputs = site.drop("frame.png", png(counts))
    assert event == "complete"
    summary, view, depth, structure, numbers, *optional = outputs
    assert [update["visible"] for update in optional] == [False] * 3  # it tells no error and no sky
    assert summary.startswith("### Median depth ")
    near, median, far = np.percentile(predictor(counts).depth_m, [5, 50, 95])
    assert numbers == {
        "median_m": pytest.approx(median, abs=1e-4),
        "near_m": pytest.approx(near, abs=1e-4),
        "far_m": pytest.approx(far, abs=1e-4),
        "rows": 48,
        "columns": 70,
        "unit": "counts",
    }
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
@pytest.mark.parametrize("path", ["", "config", "health", "gradio_api/info"])
def test_another_host_is_refused_and_this_one_is_not(site: Site, path: str) -> None:
    assert site.status(path, "evil.example") == 421
    assert site.status(path, "localhost:1") == 200


@needs_gradio
def test_health_names_the_model(site: Site) -> None:
    said = json.loads(site.get("health"))
    assert said == {"status": "ok", "model": "small", "version": thermodepth.__version__}


@needs_gradio
def test_the_interface_names_what_it_gives(site: Site) -> None:
    info = json.loads(site.get("gradio_api/info"))
    assert list(info["named_endpoints"]) == ["/depth", "/depth_of_lens"]
    depth = info["named_endpoints"]["/depth"]
    assert [one["parameter_name"] for one in depth["parameters"]] == ["upload", "degrees"]
    assert [one["label"] for one in depth["returns"]] == [
        "Summary",
        "View",
        "Depth (PNG, metres*256)",
        "Structure (PNG)",
        "Numbers",
        "Expected relative error (darker = worse)",
        "Expected relative error (PNG, thousandths, larger = worse)",
        "Sky (PNG, 255 = sky)",
    ]


@needs_gradio
def test_forged_uploads_are_refused_in_a_line_each(site: Site) -> None:
    before = site.log.read_text()
    file = {"meta": {"_type": "gradio.FileData"}}
    forged: list[Any] = [
        {"path": "/etc/passwd", **file},
        {"path": "../../etc/passwd\nINFO: all is well", **file},
        {"path": "x" * 3000, **file},
        {"path": "http://127.0.0.1:1/x.png", **file},
        {"path": "/etc/passwd"},
        "abc",
    ]
    for one in forged:
        event, said = site.ask([one, None])
        assert event == "error"
        assert "no file that was uploaded here" in json.dumps(said)
    lines = site.log.read_text().removeprefix(before).splitlines()
    assert len(lines) == len(forged)
    assert all(line.startswith("refused: ") and len(line) < 220 for line in lines)


@needs_gradio
def test_nothing_is_shared_collected_or_unbounded(site: Site) -> None:
    config = json.loads(site.get("config"))
    assert config["analytics_enabled"] is False
    assert not config.get("run_history")
    assert config["max_file_size"] == MAX_FILE_BYTES
    images = [part["props"] for part in config["components"] if part["type"] == "image"]
    assert len(images) == 2
    for image in images:
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
        ((gate,),) = options["app_kwargs"].values()
        assert gate["health"]["model"] == "small"
        assert "localhost" in gate["names"]
        assert (options["server_name"], options["server_port"]) == ("127.0.0.1", 80)
        raise error("Cannot find empty port")

    middleware = types.ModuleType("starlette.middleware")
    middleware.Middleware = lambda *_, **named: named  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "starlette", types.ModuleType("starlette"))
    monkeypatch.setitem(sys.modules, "starlette.middleware", middleware)
    exceptions = types.ModuleType("gradio.exceptions")
    exceptions.ServerFailedToStartError = RuntimeError  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "gradio", types.ModuleType("gradio"))
    monkeypatch.setitem(sys.modules, "gradio.exceptions", exceptions)
    page: Any = types.SimpleNamespace(launch=launch)
    with pytest.raises(SettingsError, match=r"--port 80: cannot be served"):
        start_page(page, host="127.0.0.1", port=80, model="small")
