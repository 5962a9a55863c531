"""Tiny random models of every family, saved as a person would have them on disk."""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ["HF_HUB_OFFLINE"] = "1"

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from thermodepth.types import Sample, ThermalUnit


def make_sample(
    sample_id: str = "a", size: tuple[int, int] = (48, 64), seed: int = 0, **changes: Any
) -> Sample:
    """A frame with a smooth random picture and a sloping depth."""
    h, w = size
    generator = np.random.default_rng(seed)
    coarse = torch.from_numpy(generator.uniform(0, 255, (1, 3, 4, 5)).astype(np.float32))
    rgb = torch.nn.functional.interpolate(coarse, size=size, mode="bilinear")[0]
    fields: dict[str, Any] = {
        "sample_id": sample_id,
        "thermal": np.zeros(size, np.uint16),
        "thermal_unit": ThermalUnit.COUNTS,
        "intrinsics": np.eye(3, dtype=np.float32),
        "rgb": rgb.permute(1, 2, 0).round().to(torch.uint8).numpy(),
        "depth_m": np.linspace(40, 2, h, dtype=np.float32)[:, None] * np.ones((1, w), np.float32),
    }
    return Sample(**{**fields, **changes})


@pytest.fixture
def sample_of() -> Callable[..., Sample]:
    return make_sample


def _configs() -> dict[str, Callable[[], Any]]:
    from transformers import (
        BeitConfig,
        DepthAnythingConfig,
        DepthProConfig,
        Dinov2Config,
        DPTConfig,
        GLPNConfig,
        Swinv2Config,
        ZoeDepthConfig,
    )

    small: dict[str, Any] = {"hidden_size": 16, "num_hidden_layers": 4, "num_attention_heads": 2}
    neck: dict[str, Any] = {"neck_hidden_sizes": [8, 8, 8, 8], "fusion_hidden_size": 8}

    def dinov2() -> Any:
        return Dinov2Config(
            image_size=56,
            patch_size=14,
            mlp_ratio=2,
            out_indices=[1, 2, 3, 4],
            reshape_hidden_states=False,
            **small,
        )

    def beit() -> Any:
        return BeitConfig(
            image_size=64,
            patch_size=16,
            intermediate_size=32,
            out_indices=[1, 2, 3, 4],
            reshape_hidden_states=False,
            use_relative_position_bias=True,
            **small,
        )

    def swinv2() -> Any:
        return Swinv2Config(
            image_size=64,
            patch_size=4,
            embed_dim=8,
            depths=[1, 1, 1, 1],
            num_heads=[1, 1, 2, 2],
            window_size=4,
            out_indices=[1, 2, 3, 4],
        )

    def hybrid() -> Any:
        convolutions = {
            "model_type": "bit",
            "global_padding": "same",
            "layer_type": "bottleneck",
            "depths": [1, 1, 1],
            "out_features": ["stage1", "stage2", "stage3"],
            "embedding_dynamic_padding": True,
            "embedding_size": 8,
            "hidden_sizes": [16, 32, 64, 128],
            "num_groups": 4,
        }
        return DPTConfig(
            is_hybrid=True,
            backbone_config=convolutions,
            image_size=64,
            patch_size=16,
            intermediate_size=32,
            backbone_featmap_shape=[1, 64, 4, 4],
            neck_ignore_stages=[0, 1],
            reassemble_factors=[1, 1, 1, 0.5],
            neck_hidden_sizes=[16, 32, 8, 8],
            backbone_out_indices=[0, 1, 2, 3],
            fusion_hidden_size=8,
            **small,
        )

    def tipsv2() -> Any:
        pytest.importorskip("transformers.models.tipsv2_dpt", reason="not in this transformers")
        from transformers import Tipsv2DptConfig, Tipsv2VisionConfig

        backbone = Tipsv2VisionConfig(
            image_size=56,
            patch_size=14,
            mlp_ratio=2,
            out_indices=[1, 2, 3, 4],
            reshape_hidden_states=False,
            **small,
        )
        return Tipsv2DptConfig(backbone_config=backbone, num_depth_bins=16, **neck)

    def depth_anything(**kind: Any) -> Any:
        return DepthAnythingConfig(
            backbone_config=dinov2(), reassemble_hidden_size=16, head_hidden_size=4, **neck, **kind
        )

    def zoedepth(width: int = 8, **bins: Any) -> Any:
        return ZoeDepthConfig(
            backbone_config=beit(),
            neck_hidden_sizes=[8, 8, 8, 8],
            fusion_hidden_size=width,
            bottleneck_features=width,
            num_relative_features=4,
            num_attractors=[4, 2, 2, 1],
            bin_embedding_dim=8,
            **bins,
        )

    def depth_pro(use_fov_model: bool) -> Any:
        vit = {
            "model_type": "dinov2",
            "patch_size": 8,
            "image_size": 32,
            "mlp_ratio": 2,
            **small,
        }
        return DepthProConfig(
            patch_size=32,
            fusion_hidden_size=8,
            intermediate_hook_ids=[2, 0],
            intermediate_feature_dims=[8, 8],
            scaled_images_feature_dims=[8, 8, 8],
            use_fov_model=use_fov_model,
            image_model_config=dict(vit),
            patch_model_config=dict(vit),
            fov_model_config=dict(vit),
        )

    return {
        "depth_anything": depth_anything,
        "depth_anything_metric": lambda: depth_anything(
            depth_estimation_type="metric", max_depth=20
        ),
        "dpt": lambda: DPTConfig(
            intermediate_size=32,
            backbone_out_indices=[0, 1, 2, 3],
            image_size=64,
            patch_size=16,
            **small,
            **neck,
        ),
        "dpt_beit": lambda: DPTConfig(backbone_config=beit(), **neck),
        "dpt_dinov2": lambda: DPTConfig(backbone_config=dinov2(), **neck),
        "dpt_swinv2": lambda: DPTConfig(
            backbone_config=swinv2(),
            neck_hidden_sizes=[8, 16, 32, 64],
            fusion_hidden_size=8,
            reassemble_factors=[1, 1, 1, 1],
        ),
        "dpt_hybrid": hybrid,
        "tipsv2_dpt": tipsv2,
        "glpn": lambda: GLPNConfig(
            depths=[1, 1, 1, 1],
            hidden_sizes=[8, 8, 16, 16],
            num_attention_heads=[1, 1, 2, 2],
            decoder_hidden_size=8,
        ),
        "zoedepth": zoedepth,
        "zoedepth_two_heads": lambda: zoedepth(
            width=128,  # fixed in the library, where there are several heads
            bin_configurations=[
                {"name": "nyu", "n_bins": 8, "min_depth": 0.001, "max_depth": 10.0},
                {"name": "kitti", "n_bins": 8, "min_depth": 0.001, "max_depth": 80.0},
            ],
            num_patch_transformer_layers=4,
            patch_transformer_hidden_size=128,
            patch_transformer_intermediate_size=16,
            patch_transformer_num_attention_heads=2,
        ),
        "depth_pro": lambda: depth_pro(True),
        "depth_pro_no_fov": lambda: depth_pro(False),
    }


def lively(model: torch.nn.Module, seed: int) -> None:
    """Random weights under which a map depends on its image: the library's own start is all but flat."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.ndim > 1:
                fan_in = parameter[0].numel()
                parameter.normal_(0, fan_in**-0.5, generator=generator)
            elif not name.endswith("weight"):
                parameter.uniform_(0, 0.2, generator=generator)


@pytest.fixture(scope="session")
def saved_model(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """`saved_model("glpn", seed=0, size=64)` -> a folder with config, weights and processor file."""
    from transformers import AutoModelForDepthEstimation

    configs = _configs()
    folders: dict[tuple[str, int, int | None], Path] = {}

    def save(kind: str, seed: int = 0, size: int | None = 64) -> Path:
        key = (kind, seed, size)
        if key not in folders:
            folder = tmp_path_factory.mktemp(f"{kind}-{seed}")
            model = AutoModelForDepthEstimation.from_config(configs[kind]())
            lively(model, seed)
            model.save_pretrained(folder)
            if size is not None:
                processor = {"size": {"height": size, "width": size}}
                (folder / "preprocessor_config.json").write_text(json.dumps(processor))
            folders[key] = folder
        return folders[key]

    return save
