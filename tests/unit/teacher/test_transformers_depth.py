"""The families of transformers: sign, aspect, preparation against the library's own, errors."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from thermodepth.errors import TeacherError
from thermodepth.teacher.families import FAMILIES, REFUSED, family_of
from thermodepth.teacher.preparation import Preparation
from thermodepth.teacher.transformers_depth import TransformersTeacher, open_transformers
from thermodepth.types import Geometry, Sample

EXPECTED = {
    "depth_anything": Geometry.AFFINE_INVERSE,
    "depth_anything_metric": Geometry.METRIC_DEPTH,
    "dpt": Geometry.AFFINE_INVERSE,
    "dpt_beit": Geometry.AFFINE_INVERSE,
    "dpt_swinv2": Geometry.AFFINE_INVERSE,
    "dpt_hybrid": Geometry.AFFINE_INVERSE,
    "tipsv2_dpt": Geometry.METRIC_DEPTH,
    "glpn": Geometry.METRIC_DEPTH,
    "zoedepth": Geometry.METRIC_DEPTH,
    "zoedepth_two_heads": Geometry.METRIC_DEPTH,
    "depth_pro": Geometry.METRIC_DEPTH,
    "depth_pro_no_fov": Geometry.SCALE_DEPTH,
}


def open_cpu(folder: Path, **settings: Any) -> TransformersTeacher:
    return open_transformers(str(folder), **{"device": "cpu", **settings})


@pytest.mark.parametrize("kind", EXPECTED)
def test_each_family_gives_finite_maps_and_batches_change_nothing(
    kind: str, saved_model: Callable[..., Path], sample_of: Callable[..., Sample]
) -> None:
    teacher = open_cpu(saved_model(kind))
    assert teacher.geometry is EXPECTED[kind]
    samples = [sample_of(f"{i}", (40, 72), seed=i) for i in range(3)]
    samples.insert(1, sample_of("other size", (64, 48), seed=9))
    together = teacher.label(samples)
    for sample, values in zip(samples, together, strict=True):
        assert values.shape == sample.size
        assert values.dtype == np.float32
        assert np.isfinite(values).all()
        assert np.ptp(values) > 0, "a flat map tests nothing"
        if teacher.geometry is not Geometry.AFFINE_INVERSE:
            assert values.min() > 0
        alone = teacher.label([sample])[0]
        np.testing.assert_allclose(alone, values, rtol=1e-4, atol=1e-4 * np.abs(values).max())
    assert np.abs(together[0] - together[2]).max() > 0, "the map ignores its image"


def test_models_whose_images_vote_together_see_one_at_a_time(
    saved_model: Callable[..., Path], sample_of: Callable[..., Sample]
) -> None:
    for kind, expected in {"zoedepth_two_heads": [1, 1, 1], "zoedepth": [2, 1]}.items():
        teacher = open_cpu(saved_model(kind), batch_size=2)
        batch_sizes: list[int] = []
        predict = teacher._predict

        def spy(
            image: torch.Tensor, batch_sizes: list[int] = batch_sizes, predict: Any = predict
        ) -> torch.Tensor:
            batch_sizes.append(len(image))
            return predict(image)  # type: ignore[no-any-return]

        teacher._predict = spy  # type: ignore[method-assign]
        teacher.label([sample_of(str(i)) for i in range(3)])
        assert batch_sizes == expected, kind


def test_dpt_on_dinov2_must_be_told_its_geometry(saved_model: Callable[..., Path]) -> None:
    folder = saved_model("dpt_dinov2")
    with pytest.raises(TeacherError, match=r"geometry=.*NYU and KITTI"):
        open_cpu(folder)
    teacher = open_cpu(folder, geometry=Geometry.METRIC_DEPTH)
    assert teacher.geometry is Geometry.METRIC_DEPTH


def test_every_depth_model_of_the_library_is_known_here(tmp_path: Path) -> None:
    """A new version may bring a new one: give it a row in FAMILIES, or a reason in REFUSED."""
    from transformers.models.auto.modeling_auto import MODEL_FOR_DEPTH_ESTIMATION_MAPPING_NAMES

    assert set(MODEL_FOR_DEPTH_ESTIMATION_MAPPING_NAMES) <= {*FAMILIES, *REFUSED}
    assert not FAMILIES.keys() & REFUSED.keys()
    (tmp_path / "model.safetensors").write_bytes(b"\0" * 64)
    for name in REFUSED.keys() & MODEL_FOR_DEPTH_ESTIMATION_MAPPING_NAMES.keys():
        (tmp_path / "config.json").write_text(json.dumps({"model_type": name}))
        with pytest.raises(TeacherError, match=f"is a {name}: it ") as caught:
            open_cpu(tmp_path, geometry=Geometry.METRIC_DEPTH)
        assert str(tmp_path) in str(caught.value)


@pytest.mark.parametrize(
    ("kind", "size"),
    [
        ("depth_anything", (518, 1288)),
        ("dpt_beit", (384, 960)),
        ("dpt_swinv2", (384, 960)),
        ("tipsv2_dpt", (448, 1120)),
        ("glpn", (256, 640)),
        ("zoedepth", (384, 896)),  # with its own padding, which is not in proportion
    ],
)
def test_a_wide_frame_is_not_shrunk(
    kind: str, size: tuple[int, int], saved_model: Callable[..., Path]
) -> None:
    teacher = open_cpu(saved_model(kind, size=None))
    rows, columns = teacher.network_size(256, 640)
    assert (rows, columns) == size
    if kind != "zoedepth":
        assert columns / rows == pytest.approx(640 / 256, rel=0.02)


def test_the_library_s_processor_would_shrink_a_wide_frame(
    saved_model: Callable[..., Path],
) -> None:
    """The reason for preparing images here: with 2.5 times fewer rows the far field is gone."""
    from transformers.models.dpt.image_processing_pil_dpt import DPTImageProcessorPil

    stock = DPTImageProcessorPil(
        size={"height": 518, "width": 518}, keep_aspect_ratio=True, ensure_multiple_of=14
    )
    frame = np.zeros((256, 640, 3), np.uint8)
    assert stock(frame, return_tensors="pt")["pixel_values"].shape[-2:] == (210, 518)
    teacher = open_cpu(saved_model("depth_anything", size=518))
    assert teacher.network_size(256, 640) == (518, 1288)


def test_input_size_is_the_short_side(saved_model: Callable[..., Path]) -> None:
    teacher = open_cpu(saved_model("depth_anything"), input_size=252)
    assert teacher.network_size(256, 640) == (252, 630)
    assert teacher.network_size(512, 640) == (252, 308)
    assert teacher.network_size(640, 512) == (308, 252)
    assert open_cpu(saved_model("glpn")).network_size(250, 640) == (256, 640)
    assert open_cpu(saved_model("dpt"), input_size=100).network_size(250, 640) == (112, 112)
    with pytest.raises(TeacherError, match="128x128 only"):
        open_cpu(saved_model("depth_pro"), input_size=64)


def test_preparation_is_the_library_s_where_sizes_agree(
    saved_model: Callable[..., Path], sample_of: Callable[..., Sample]
) -> None:
    from transformers.models.dpt.image_processing_pil_dpt import DPTImageProcessorPil
    from transformers.models.glpn.image_processing_pil_glpn import GLPNImageProcessorPil
    from transformers.models.zoedepth.image_processing_pil_zoedepth import ZoeDepthImageProcessorPil

    # One level of 8 bits after division by the deviation: the library rounds after each direction.
    level = 1 / 255 / 0.224
    cases = (
        ("glpn", GLPNImageProcessorPil(), (64, 96), 1e-6),
        (
            "zoedepth",
            ZoeDepthImageProcessorPil(
                size={"height": 416, "width": 512}, keep_aspect_ratio=False, ensure_multiple_of=32
            ),
            (72, 96),
            1e-4,
        ),
        (
            "depth_anything",
            DPTImageProcessorPil(
                size={"height": 140, "width": 140},
                keep_aspect_ratio=True,
                ensure_multiple_of=14,
                image_mean=[0.485, 0.456, 0.406],
                image_std=[0.229, 0.224, 0.225],
            ),
            (160, 200),
            1.1 * level,
        ),
    )
    for kind, processor, size, tolerance in cases:
        rgb = sample_of("a", size).rgb
        assert rgb is not None
        reference = processor(rgb, return_tensors="pt")["pixel_values"]
        teacher = open_cpu(saved_model(kind, size=140 if kind == "depth_anything" else None))
        image = torch.from_numpy(rgb).permute(2, 0, 1)[None].float() / 255
        ours = teacher._family.preparation.prepare(image)
        assert ours.shape == reference.shape, kind
        assert float((ours - reference).abs().max()) <= tolerance, kind


def test_zoedepth_padding_is_cut_off_where_it_was_added(
    saved_model: Callable[..., Path], sample_of: Callable[..., Sample]
) -> None:
    teacher = open_cpu(saved_model("zoedepth"))
    image = torch.from_numpy(sample_of("a", (40, 72)).rgb).permute(2, 0, 1)[None].float() / 255

    class Echo(torch.nn.Module):
        """Gives its own input back, so that the way out must undo the way in."""

        def forward(self, pixel_values: torch.Tensor) -> Any:
            return type("Output", (), {"predicted_depth": pixel_values.mean(1) * 0.5 + 0.5})

    teacher._model = Echo()
    back = teacher._predict(image)
    inner = (back - image.mean(1)).abs()[:, 3:-3, 3:-3]
    assert float(inner.max()) < 0.03


def test_depth_pro_metres_follow_its_field_of_view(
    saved_model: Callable[..., Path], sample_of: Callable[..., Sample]
) -> None:
    teacher = open_cpu(saved_model("depth_pro"))

    class Fixed(torch.nn.Module):
        def forward(self, pixel_values: torch.Tensor) -> Any:
            canonical = torch.full((len(pixel_values), 256, 256), 0.25)
            fov = torch.tensor([60.0] * len(pixel_values))
            return type("Output", (), {"predicted_depth": canonical, "field_of_view": fov})

    teacher._model = Fixed()
    (values,) = teacher.label([sample_of("a", (40, 72))])
    # focal = .5 w / tan(fov / 2); 1 / depth = canonical w / focal
    focal_px = 0.5 * 72 / np.tan(np.deg2rad(30))
    np.testing.assert_allclose(values, focal_px / (0.25 * 72), rtol=1e-5)


def test_maps_are_never_below_the_prediction(
    saved_model: Callable[..., Path], sample_of: Callable[..., Sample]
) -> None:
    """A step edge resized back must not overshoot: inverse depth below zero has no meaning."""
    teacher = open_cpu(saved_model("depth_anything"))

    class Step(torch.nn.Module):
        def forward(self, pixel_values: torch.Tensor) -> Any:
            step = torch.zeros(len(pixel_values), 14, 14)
            step[:, :, 7:] = 5
            return type("Output", (), {"predicted_depth": step})

    teacher._model = Step()
    (values,) = teacher.label([sample_of()])
    assert values.min() == 0
    assert values.max() == 5


def test_fingerprint_follows_weights_and_preparation_only(
    saved_model: Callable[..., Path], tmp_path: Path
) -> None:
    folder = saved_model("glpn")
    first = open_cpu(folder).fingerprint()
    assert first.startswith("transformers-")
    assert open_cpu(folder, batch_size=7).fingerprint() == first
    assert open_cpu(folder, input_size=64).fingerprint() != first
    assert open_cpu(folder, geometry=Geometry.SCALE_DEPTH).fingerprint() != first
    assert open_cpu(saved_model("glpn", seed=1)).fingerprint() != first
    moved = tmp_path / "moved"
    shutil.copytree(folder, moved)
    assert open_cpu(moved).fingerprint() == first
    (moved / "preprocessor_config.json").write_text('{"image_mean": [0.1, 0.2, 0.3]}')
    assert open_cpu(moved).fingerprint() != first


def test_processor_file_wins_over_the_family(
    saved_model: Callable[..., Path], tmp_path: Path
) -> None:
    folder = tmp_path / "model"
    shutil.copytree(saved_model("depth_anything"), folder)

    def preparation(tree: dict[str, Any]) -> Preparation:
        (folder / "preprocessor_config.json").write_text(json.dumps(tree))
        return open_cpu(folder)._family.preparation

    plan = preparation({"image_mean": [0.5] * 3, "image_std": [0.25] * 3, "size": 70})
    assert (plan.mean, plan.std, plan.height, plan.width) == ((0.5,) * 3, (0.25,) * 3, 70, 70)
    assert preparation({"do_normalize": False}).std == (1, 1, 1)
    signed = preparation({"rescale_factor": 2 / 255, "do_normalize": False})
    assert signed.prepare(torch.full((1, 3, 70, 70), 0.5)).max() == pytest.approx(1)
    counts = preparation({"do_rescale": False, "image_mean": [51] * 3, "image_std": [102] * 3})
    assert counts.prepare(torch.full((1, 3, 70, 70), 1.0)).max() == pytest.approx(2)
    assert preparation({"size": {"shortest_edge": 84}}).width == 84
    with pytest.raises(TeacherError, match=r"preprocessor_config\.json: image_mean"):
        preparation({"image_mean": "grey"})
    with pytest.raises(TeacherError, match="expected numbers above 0"):
        preparation({"image_std": [1, 0, 1]})
    for text in ("{", "[" * 100_000):
        (folder / "preprocessor_config.json").write_text(text)
        with pytest.raises(TeacherError, match=r"preprocessor_config\.json: cannot be read"):
            open_cpu(folder)


def test_unknown_families_must_be_told_their_geometry() -> None:
    config = type("Config", (), {"model_type": "new_depth", "patch_size": 14})
    family = family_of(config, None, None)
    assert family.geometry is None
    assert "new_depth" in family.ask
    assert family.preparation.network_size(256, 640)[0] % 14 == 0


def test_missing_folders_and_ids(tmp_path: Path) -> None:
    with pytest.raises(TeacherError, match=r"no such folder, and not a hub id"):
        open_cpu(tmp_path / "absent")
    with pytest.raises(TeacherError, match=r"owner/absent-model.*copy the model's config\.json"):
        open_transformers("owner/absent-model", device="cpu")
    with pytest.raises(TeacherError, match=r"config\.json: missing"):
        open_cpu(tmp_path)
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(TeacherError, match="no model_type"):
        open_cpu(tmp_path)
    for text in ("not json", "[" * 100_000):
        (tmp_path / "config.json").write_text(text)
        with pytest.raises(TeacherError, match=r"config\.json: cannot be read"):
            open_cpu(tmp_path)
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    (tmp_path / "pytorch_model.bin").write_bytes(b"x")
    with pytest.raises(TeacherError, match="pickled weights"):
        open_cpu(tmp_path)
    (tmp_path / "model.safetensors").write_bytes(b"\0" * 64)
    with pytest.raises(TeacherError, match="is a bert, which gives no depth maps"):
        open_cpu(tmp_path)
    (tmp_path / "config.json").write_text('{"model_type": "unheard_of"}')
    with pytest.raises(TeacherError, match="cannot be loaded as a depth model"):
        open_cpu(tmp_path)


def test_damaged_and_lacking_weights(saved_model: Callable[..., Path], tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    folder = tmp_path / "model"
    shutil.copytree(saved_model("dpt"), folder)
    weights = folder / "model.safetensors"
    full = load_file(weights)
    # The first fusion block has no skip connection: real DPT files lack these, and that is harmless.
    unused = {k: v for k, v in full.items() if "fusion_stage.layers.0.residual_layer1" not in k}
    assert len(unused) < len(full)
    save_file(unused, weights, metadata={"format": "pt"})
    open_cpu(folder)
    save_file({k: v for k, v in full.items() if "head.head.0" not in k}, weights, {"format": "pt"})
    with pytest.raises(TeacherError, match=r"lack 2 weights that the depth map needs \(head\.head"):
        open_cpu(folder)
    weights.write_bytes(weights.read_bytes()[:500])
    with pytest.raises(TeacherError, match="cannot be loaded"):
        open_cpu(folder)
    broken = {k: v * torch.nan if "head.head.0" in k else v for k, v in full.items()}
    save_file(broken, weights, {"format": "pt"})
    frame = Sample(
        sample_id="frame 7",
        thermal=np.zeros((16, 16), np.uint16),
        thermal_unit="counts",  # type: ignore[arg-type]
        intrinsics=np.eye(3, dtype=np.float32),
        rgb=np.zeros((16, 16, 3), np.uint8),
    )
    with pytest.raises(TeacherError, match=r"frame 7.*NaN or infinity"):
        open_cpu(folder).label([frame])


def test_frames_without_a_usable_rgb_image(
    saved_model: Callable[..., Path], sample_of: Callable[..., Sample]
) -> None:
    teacher = open_cpu(saved_model("glpn"))
    cases = (
        (None, "has no RGB image"),
        (np.zeros((48, 64), np.uint8), r"expected uint8 \[h w 3\]"),
        (np.zeros((48, 64, 3), np.float32), "float32"),
        (np.zeros((10, 64, 3), np.uint8), "64x10, the thermal frame 64x48"),
    )
    for rgb, message in cases:
        with pytest.raises(TeacherError, match=f"frame bad.*{message}"):
            teacher.label([sample_of("good"), sample_of("bad", rgb=rgb)])
    with pytest.raises(TeacherError, match="too small"):
        teacher.label([sample_of("tiny", (4, 64))])
    with pytest.raises(TeacherError, match="device 'tpu9'"):
        open_cpu(saved_model("glpn"), device="tpu9")


def test_importing_and_settings_load_neither_torch_nor_transformers() -> None:
    code = (
        "import sys, thermodepth.teacher as t; t.TeacherSettings(); "
        "assert not {'torch', 'transformers'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)


def test_loading_prints_nothing_and_leaves_the_library_s_logging_alone(
    saved_model: Callable[..., Path], capfd: pytest.CaptureFixture[str]
) -> None:
    from transformers.utils import logging as library_logging

    folder = saved_model("glpn")
    before = (library_logging.get_verbosity(), library_logging.is_progress_bar_enabled())
    capfd.readouterr()
    open_cpu(folder)
    assert (library_logging.get_verbosity(), library_logging.is_progress_bar_enabled()) == before
    assert capfd.readouterr() == ("", "")
