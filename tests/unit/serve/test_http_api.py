"""The API as a program uses it: through the whole application, with a small model."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from safetensors.numpy import load

import thermodepth
from thermodepth.inference.predictor import Predictor
from thermodepth.serve.app import build_app, open_service
from thermodepth.serve.gate import own_names
from thermodepth.serve.limits import Limits

pytest.importorskip("fastapi", reason="fastapi is not installed")

if TYPE_CHECKING:
    from starlette.testclient import TestClient

ROWS, COLUMNS = 48, 70


def counts(seed: int = 0) -> NDArray[np.uint16]:
    return np.random.default_rng(seed).integers(7000, 7400, (ROWS, COLUMNS)).astype(np.uint16)


def png(array: NDArray[Any]) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(array).save(stream, "PNG")
    return stream.getvalue()


def npy(array: NDArray[Any]) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


Serve = Callable[[Predictor], Any]


@pytest.fixture(scope="module")
def serve(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serve]:
    """`serve(predictor)`: a client of an application of its own."""
    from starlette.testclient import TestClient

    services = []

    def client_of(predictor: Predictor) -> TestClient:
        limits = Limits(slots=1, upload_bytes=300_000, requests_per_minute=0)
        service = open_service(predictor, limits, tmp_path_factory.mktemp("served"))
        services.append(service)
        app: Any = build_app(service, names=own_names("testserver"))
        return TestClient(app, raise_server_exceptions=False)

    yield client_of
    for service in services:
        service.close()


@pytest.fixture(scope="module")
def client(serve: Serve, predictor: Predictor) -> Any:
    return serve(predictor)


def test_one_request_one_file(client: Any, predictor: Predictor) -> None:
    depth_m = predictor(counts()).depth_m
    address = "/api/v1/depth?filename=my%20frame.png&output="
    reply = client.post(f"{address}depth.png", content=png(counts()))
    assert (reply.status_code, reply.headers["content-type"]) == (200, "image/png")
    with Image.open(io.BytesIO(reply.content)) as image:
        assert image.mode == "I;16"
        np.testing.assert_allclose(np.asarray(image) / 256, depth_m, atol=1 / 512, rtol=0)
    assert "my frame_depth.png" in reply.headers["content-disposition"]
    numbers = json.loads(reply.headers["thermodepth-numbers"])
    reply = client.post(f"{address}depth.npy", content=png(counts()))
    np.testing.assert_array_equal(np.load(io.BytesIO(reply.content)), depth_m)
    assert client.post(f"{address}numbers.json", content=png(counts())).json() == numbers
    near, median, far = np.percentile(depth_m, [5, 50, 95])
    assert numbers["median_m"] == pytest.approx(median, abs=1e-4)
    assert (numbers["near_m"], numbers["far_m"]) == pytest.approx((near, far), abs=1e-4)
    assert (numbers["rows"], numbers["columns"], numbers["unit"]) == (ROWS, COLUMNS, "counts")
    assert (numbers["sky_share"], numbers["median_relative_error"]) == (None, None)
    assert numbers["lens"] is None
    assert numbers["notes"] == [
        "This model is not told the lens: its metres hold for that of its training."
    ]


def test_all_maps_in_one_file(client: Any, predictor: Predictor) -> None:
    reply = client.post(
        "/api/v1/depth?output=maps.safetensors&fov_deg=50", content=npy(counts()[:, :69])
    )
    maps = load(reply.content)
    result = predictor(counts()[:, :69])  # this model is not told the lens
    np.testing.assert_array_equal(maps["depth_m"], result.depth_m)
    np.testing.assert_array_equal(maps["structure"], result.structure)
    np.testing.assert_array_equal(maps["thermal"], counts()[:, :69])
    length = int.from_bytes(reply.content[:8], "little")
    header = json.loads(reply.content[8 : 8 + length])
    numbers = json.loads(header["__metadata__"]["numbers"])
    assert numbers["lens"]["source"] == "request"
    assert numbers["lens"]["fov_deg"] == 50
    assert (8 + length) % 8 == 0  # what a browser needs of arrays


def test_a_recording_frame_by_frame(client: Any, predictor: Predictor) -> None:
    stack = np.stack([counts(seed) for seed in range(3)])
    reply = client.post("/api/v1/recordings?filename=../clip.npy", content=npy(stack))
    facts = reply.json()
    assert reply.status_code == 201
    assert (facts["name"], facts["frames"], facts["is_cut"]) == ("clip.npy", 3, False)
    address = f"/api/v1/recordings/{facts['id']}"
    assert client.get(address).json() == facts
    frame = client.get(f"{address}/frames/2/depth.npy")
    np.testing.assert_array_equal(np.load(io.BytesIO(frame.content)), predictor(counts(2)).depth_m)
    assert "clip_0002_depth.npy" in frame.headers["content-disposition"]
    assert client.get(f"{address}/frames/3/depth.npy").status_code == 404
    assert client.get(f"{address}/frames/-1/depth.npy").status_code == 404
    assert client.delete(address).status_code == 204
    assert client.get(f"{address}/frames/0/depth.npy").status_code == 404


def test_a_model_that_tells_sky_leaves_it_out_of_the_numbers(
    serve: Serve, save_small: Callable[..., Path]
) -> None:
    predictor = thermodepth.load(save_small(sky=True), device="cpu")
    assert isinstance(predictor, Predictor)
    client = serve(predictor)
    result = predictor(counts())
    assert result.sky is not None
    numbers = client.post("/api/v1/depth", content=png(counts())).json()
    assert numbers["sky_share"] == round(float(result.sky.mean()), 4)
    solid = np.percentile(result.depth_m[~result.sky], 50)
    assert numbers["median_m"] == pytest.approx(float(solid), abs=1e-4)
    maps = load(client.post("/api/v1/depth?output=maps.safetensors", content=png(counts())).content)
    np.testing.assert_array_equal(maps["sky"], result.sky)


@pytest.mark.parametrize(
    ("query", "content", "status", "reason"),
    [
        ("", b"", 400, "empty body"),
        ("", b"hello", 422, "frame: not a PNG"),
        ("filename=../../etc/x.png", b"hello", 422, "x.png: not a PNG"),
        ("", bytes(300_001), 413, "0.3 MB"),
        ("output=depth.jpg", png(counts()), 404, "no output of that name"),
        ("output=video.mp4", png(counts()), 404, "no output of that name"),
        ("output=sky.png", png(counts()), 404, "does not tell it"),
        ("output=cloud.ply", png(counts()), 400, "lens of this frame is not known"),
        ("frame=1", png(counts()), 404, "no frame 1"),
        ("frame=x", png(counts()), 400, "frame: "),
        ("fov_deg=wide", png(counts()), 400, "fov_deg: "),
        ("fov_deg=nan", png(counts()), 400, "fov_deg"),
        ("fov_deg=175", png(counts()), 400, "fov_deg 175"),
        ("", png(np.arange(20 * 900, dtype=np.uint16).reshape(20, 900)), 422, "a strip"),
    ],
)
def test_a_refusal_says_why(
    query: str, content: bytes, status: int, reason: str, client: Any
) -> None:
    reply = client.post(f"/api/v1/depth?{query}", content=content)
    assert reply.status_code == status
    assert reason in reply.json()["error"]
    assert list(reply.json()) == ["error"]


def test_other_ways_are_refused_in_json_too(client: Any) -> None:
    for method, address, status in (
        ("GET", "/nothing", 404),
        ("PUT", "/health", 405),
        ("GET", "/page/../app.py", 404),
        ("GET", "/page/..%2fapp.py", 404),
        ("GET", "/docs", 404),
        ("GET", "/redoc", 404),
        ("DELETE", "/api/v1/recordings/sample-stack", 404),
        ("POST", "/api/v1/recordings", 400),
    ):
        reply = client.request(method, address)
        assert (reply.status_code, list(reply.json())) == (status, ["error"])
    assert client.get("/", headers={"Host": "evil.example"}).status_code == 421


def test_an_output_whose_package_is_missing_is_refused(
    client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write_frame(*_: Any) -> None:
        raise ModuleNotFoundError("No module named 'cv2'", name="cv2")

    monkeypatch.setattr("thermodepth.serve.answers.write_frame", write_frame)
    reply = client.post("/api/v1/depth?output=cloud.ply&fov_deg=50", content=png(counts()))
    assert (reply.status_code, "package cv2" in reply.json()["error"]) == (404, True)


def test_what_a_refused_upload_leaves_behind(client: Any) -> None:
    folder = next(
        Path(sample.recording.path).parent for sample in client.app._app.state.service.samples
    )
    before = sorted(folder.iterdir())
    for content in (b"hello", bytes(300_001), png(counts())):
        client.post("/api/v1/depth", content=content)
    assert sorted(folder.iterdir()) == before


def test_health_model_and_samples(client: Any) -> None:
    assert client.get("/health").json() == {
        "status": "ok",
        "model": client.get("/api/v1/model").json()["name"],
        "version": thermodepth.__version__,
    }
    samples = client.get("/api/v1/samples").json()
    assert {sample["frames"] for sample in samples} == {1, 8}
    assert all(sample["thumbnail"].startswith("data:image/png;base64,") for sample in samples)
    numbers = client.get(f"/api/v1/recordings/{samples[0]['id']}/frames/0/numbers.json").json()
    assert numbers["lens"]["source"] == "file"
    assert numbers["lens"]["fov_deg"] == pytest.approx(samples[0]["fov_deg"], abs=0.01)


def test_the_description_names_every_route_and_loads_nothing(client: Any) -> None:
    description = client.get("/openapi.json").json()
    assert set(description["paths"]) == {
        "/health",
        "/api/v1/model",
        "/api/v1/samples",
        "/api/v1/recordings",
        "/api/v1/recordings/{recording_id}",
        "/api/v1/recordings/{recording_id}/frames/{frame}/{output}",
        "/api/v1/depth",
    }
    post = description["paths"]["/api/v1/depth"]["post"]
    assert "application/octet-stream" in post["requestBody"]["content"]
    assert {"200", "400", "413", "421", "422", "429"} <= set(post["responses"])


def test_the_page_asks_for_nothing_from_outside(client: Any) -> None:
    index = client.get("/")
    assert index.headers["content-type"].startswith("text/html")
    for name in ("page.css", "main.js", "depth_colours.js", "icon.svg"):
        reply = client.get(f"/page/{name}")
        assert reply.status_code == 200
        unchanged = client.get(f"/page/{name}", headers={"If-None-Match": reply.headers["etag"]})
        assert unchanged.status_code == 304
        addresses = reply.text.replace("http://www.w3.org/2000/svg", "")
        assert "http://" not in addresses
        assert "https://" not in addresses
    assert "://" not in index.text
