"""ENCODERS: feature pyramids by name, of plain torch or through transformers' `AutoBackbone`.

What the table lacks, `auto:ID` takes from transformers; see `auto_backbone`.

Two ways in: a row of the table builds an architecture with fresh weights for any number of input
channels; `weights` then names where pre-trained ones come from: a model of ours, which needs no network,
a hub id, or a local folder in transformers' format. An inverted residual row takes a folder of published
weights that `python -m thermodepth.model.imagenet` has converted in the place of those two.

Transformers is imported where one of its architectures is built or its files are read, for that takes
longer than a prediction. A model that was trained with a row of plain torch needs torch alone.

An RGB stem becomes a one-channel stem by summing its kernels over the colours: a grey picture then gives
the very features that its three equal channels gave before.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from thermodepth.errors import DataError, SettingsError, WeightsError, unknown
from thermodepth.extensions.registry import Registry
from thermodepth.files import ask_folder
from thermodepth.model.auto_backbone import (
    Probe,
    backbone_config,
    is_auto,
    probe_backbone,
    read_config,
)
from thermodepth.model.inverted_residual import (
    EFFICIENTNET_LITE0,
    MOBILENETV2,
    InvertedResidualConfig,
    InvertedResidualPyramid,
)
from thermodepth.model.residual import RESNET18, RESNET_SMALL, ResidualConfig, ResidualPyramid
from thermodepth.tensor_files import read_tensors


@dataclass(frozen=True, slots=True, kw_only=True)
class EncoderRow:
    """How an encoder is built: exactly one of `config`, `pyramid`, `residual` and `build`."""

    name: str
    summary: str
    config: Callable[[int], Any] | None = None  # input channels -> a transformers backbone config
    pyramid: InvertedResidualConfig | None = None  # plain torch, published weights converted by us
    residual: ResidualConfig | None = None  # plain torch, published weights through transformers
    #: Input channels -> a module that gives a list of four maps, or of five with one at stride 2 first, and
    #: says in `channels` and `strides` which.
    build: Callable[[int], nn.Module] | None = None

    def __post_init__(self) -> None:
        ways = (self.config, self.pyramid, self.residual, self.build)
        assert sum(way is not None for way in ways) == 1, self.name


def _resnet(residual: ResidualConfig, channels: int) -> Any:
    from transformers import ResNetConfig

    return ResNetConfig(
        num_channels=channels,
        embedding_size=residual.stem,
        hidden_sizes=list(residual.sizes),
        depths=list(residual.depths),
        layer_type="basic",
        out_indices=[1, 2, 3, 4],
    )


def _convnext(sizes: list[int], depths: list[int], *, version: int) -> Callable[[int], Any]:
    def config(channels: int) -> Any:
        from transformers import ConvNextConfig, ConvNextV2Config

        kind = ConvNextV2Config if version == 2 else ConvNextConfig
        return kind(
            num_channels=channels, hidden_sizes=sizes, depths=depths, out_indices=[1, 2, 3, 4]
        )

    return config


def _dinov2(width: int, heads: int, layers: int) -> Callable[[int], Any]:
    def config(channels: int) -> Any:
        from transformers import Dinov2Config

        return Dinov2Config(
            num_channels=channels,
            hidden_size=width,
            num_attention_heads=heads,
            num_hidden_layers=layers,
            image_size=518,  # of the published weights; their position table has this many patches
            patch_size=14,
            out_indices=_quarters(layers),
        )

    return config


def _dinov3(width: int, heads: int, layers: int) -> Callable[[int], Any]:
    def config(channels: int) -> Any:
        from transformers import DINOv3ViTConfig

        return DINOv3ViTConfig(
            num_channels=channels,
            hidden_size=width,
            intermediate_size=4 * width,
            num_attention_heads=heads,
            num_hidden_layers=layers,
            num_register_tokens=4,  # as in the published weights
            patch_size=16,
            out_indices=_quarters(layers),
        )

    return config


def _dinov3_convnext(sizes: list[int], depths: list[int]) -> Callable[[int], Any]:
    def config(channels: int) -> Any:
        from transformers import DINOv3ConvNextConfig

        return DINOv3ConvNextConfig(
            num_channels=channels, hidden_sizes=sizes, depths=depths, out_indices=[1, 2, 3, 4]
        )

    return config


def _quarters(layers: int) -> list[int]:
    """Four evenly spaced depths of a plain transformer, the last layer among them."""
    return [layers * k // 4 for k in (1, 2, 3, 4)]


ENCODERS: Registry[EncoderRow] = Registry(
    "encoder",
    EncoderRow,
    (
        EncoderRow(
            name="mobilenetv2",
            pyramid=MOBILENETV2,
            summary="1.8 M parameters of plain torch, fixed norms; that of thermal-any and rgb-any",
        ),
        EncoderRow(
            name="efficientnet-lite0",
            pyramid=EFFICIENTNET_LITE0,
            summary="3.0 M parameters of plain torch, fixed norms; 1.7 times the time of mobilenetv2",
        ),
        EncoderRow(
            name="resnet-small",
            residual=RESNET_SMALL,
            summary="0.8 M parameters, the default: the most accuracy per CPU-second",
        ),
        EncoderRow(
            name="resnet18",
            residual=RESNET18,
            summary="11 M parameters, the field's plain reference",
        ),
        EncoderRow(
            name="convnextv2-atto",
            config=_convnext([40, 80, 160, 320], [2, 2, 6, 2], version=2),
            summary="3.4 M parameters; facebook/convnextv2-atto-1k-224",
        ),
        EncoderRow(
            name="convnext-tiny",
            config=_convnext([96, 192, 384, 768], [3, 3, 9, 3], version=1),
            summary="28 M parameters; facebook/convnext-tiny-224",
        ),
        EncoderRow(
            name="dinov2-small",
            config=_dinov2(384, 6, 12),
            summary="22 M parameters, patches of 14; facebook/dinov2-small",
        ),
        EncoderRow(
            name="dinov3-small",
            config=_dinov3(384, 6, 12),
            summary="22 M parameters, patches of 16; facebook/dinov3-vits16-pretrain-lvd1689m",
        ),
        EncoderRow(
            name="dinov3-convnext-tiny",
            config=_dinov3_convnext([96, 192, 384, 768], [3, 3, 9, 3]),
            summary="28 M parameters; facebook/dinov3-convnext-tiny-pretrain-lvd1689m",
        ),
    ),
)


class Encoder(nn.Module):
    """A backbone with what the decoder must know of it."""

    def __init__(
        self, backbone: nn.Module, config: Any | None, *, probe: Probe | None = None
    ) -> None:
        super().__init__()
        self.backbone = backbone
        self.channels: list[int] = list(backbone.channels)  # type: ignore[arg-type]
        self.stride = 32
        self.is_plain_torch = config is None
        self.fine_channels = 0  # of a first map at stride 2, where there is one
        if config is None:
            if backbone.strides[0] == 2:  # type: ignore[index]
                self.fine_channels = self.channels.pop(0)
            self.stride = int(max(backbone.strides))  # type: ignore[arg-type]
            return
        patch = getattr(config, "patch_size", None)
        # A plain transformer has one stride, its patch; a pyramid ends at stride 32.
        is_plain = "vit" in config.model_type or config.model_type.startswith("dinov2")
        self.stride = int(patch) if is_plain and patch is not None else 32
        if probe is not None:  # of an architecture that nobody here looked at
            self.stride = probe.stride
            for key in probe.idle:
                backbone.get_parameter(key).requires_grad_(False)
        for parameter_name, parameter in backbone.named_parameters():
            if parameter_name.endswith("mask_token"):  # of masked pre-training; no image reaches it
                parameter.requires_grad_(False)

    def forward(self, image: Tensor) -> list[Tensor]:
        """Feature maps `[b c h' w']`, of `fine_channels` if there are any, then of `channels`."""
        maps = self.backbone(image)
        return list(maps if self.is_plain_torch else maps.feature_maps)


def build_encoder(name: str, *, channels: int, config: Mapping[str, Any] | None = None) -> Encoder:
    """An encoder with fresh weights.

    Args:
        name: a row of ENCODERS, or `auto:` with a backbone of transformers.
        channels: of the input.
        config: of an `auto:` encoder, as a model carries it; None reads it from its folder or the hub.

    Raises:
        SettingsError: for a name that is not in the table, or that this transformers lacks; for a backbone
            whose maps the decoder cannot take.
    """
    if is_auto(name):
        return _auto_encoder(name, read_config(name) if config is None else config, channels)
    row = _row(name)
    if row.build is not None:
        return Encoder(row.build(channels), None)
    if row.pyramid is not None:
        return Encoder(InvertedResidualPyramid(row.pyramid, channels=channels), None)
    if row.residual is not None:
        return Encoder(ResidualPyramid(row.residual, channels=channels), None)
    config = _config(row, channels)
    from transformers import AutoBackbone

    return Encoder(AutoBackbone.from_config(config), config)


def _row(name: str) -> EncoderRow:
    if name not in ENCODERS:
        raise SettingsError(f"model.encoder: {unknown('encoder', name, ENCODERS)}")
    return ENCODERS[name]


def _config(row: EncoderRow, channels: int) -> Any:
    if row.residual is not None:
        return _resnet(row.residual, channels)
    assert row.config is not None, row.name
    try:
        return row.config(channels)
    except ImportError as error:
        raise SettingsError(
            f"model.encoder={row.name}: the installed transformers does not have it ({error}); "
            "pip install --upgrade transformers"
        ) from None


def _auto_encoder(name: str, config: Mapping[str, Any], channels: int) -> Encoder:
    from transformers import AutoBackbone

    built = backbone_config(config, channels, name)
    probe = probe_backbone(built, name, channels)
    return Encoder(AutoBackbone.from_config(built), built, probe=probe)


def pretrained_encoder(
    name: str, source: str, *, channels: int, config: Mapping[str, Any] | None = None
) -> Encoder:
    """An encoder with weights from a hub id or a local folder in transformers' format.

    The architecture is always the table's own, or that of `config`, so that the trained model can be built
    again from its name.

    Raises:
        SettingsError: for a name that is not in the table.
        WeightsError: when they cannot be had or belong to another architecture, saying why and what
            would do instead.
    """
    folder = Path(source).expanduser()
    if is_auto(name):
        tree = read_config(name) if config is None else config
        row = EncoderRow(name=name, summary="", config=lambda n: backbone_config(tree, n, name))
        probe: Probe | None = probe_backbone(_config(row, 3), name, 3)
    else:
        row, probe = _row(name), None
    if row.build is not None:
        raise WeightsError(
            f"model.weights={source}: model.encoder={name} of an extension starts from model.weights=none, "
            "or from a model that was trained with it"
        )
    if row.pyramid is not None:
        return _published_pyramid(row, folder, channels=channels)
    backbone = _pretrained_backbone(row, source, folder)
    if channels != 3:
        fold_stem(backbone, channels)
    if row.residual is None:
        return Encoder(backbone, backbone.config, probe=probe)
    encoder = build_encoder(name, channels=channels)
    encoder.backbone.load_state_dict(backbone.state_dict())
    return encoder


def _pretrained_backbone(row: EncoderRow, source: str, folder: Path) -> Any:
    """The three-channel backbone of transformers with these weights.

    Raises:
        WeightsError: as `pretrained_encoder`.
    """
    from safetensors import SafetensorError
    from transformers import AutoBackbone, AutoConfig

    config = _config(row, 3)
    if not folder.is_dir() and (source.startswith((".", "/", "~")) or source.count("/") != 1):
        raise WeightsError(
            f"model.weights={source}: no such folder, and not a hub id such as facebook/dinov2-small"
        )
    if folder.is_dir():
        try:
            ask_folder(folder)
        except DataError as error:
            raise WeightsError(f"model.weights={source}: {error}") from None
    path_or_id = str(folder) if folder.is_dir() else source
    # AutoBackbone.from_pretrained asks the hub even for a folder; the class behind it does not.
    with torch.device("meta"):
        kind = type(AutoBackbone.from_config(config))
    try:
        published = AutoConfig.from_pretrained(path_or_id, trust_remote_code=False)
        _check_same_architecture(row.name, source, published, config)
        backbone, loading = kind.from_pretrained(
            path_or_id,
            config=config,
            dtype=torch.float32,
            use_safetensors=True,
            ignore_mismatched_sizes=True,  # said below, with the names
            output_loading_info=True,
        )
    except WeightsError:
        raise
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        reason = str(error).strip().partition("\n")[0]
        raise WeightsError(
            f"model.weights={source}: cannot load ({reason}). Give a local folder that holds "
            "config.json and model.safetensors, or train from scratch with model.weights=none"
        ) from None
    for key, published_shape, shape in sorted(loading["mismatched_keys"]):
        raise WeightsError(
            f"model.weights={source}: {key} is {'x'.join(map(str, published_shape))}, but "
            f"model.encoder={row.name} has {'x'.join(map(str, shape))}"
        )
    # A backbone norms each of its outputs; a published classifier has no such norms, and fresh ones do.
    absent = [key for key in loading["missing_keys"] if not key.startswith("hidden_states_norms.")]
    if absent:
        raise WeightsError(
            f"model.weights={source}: lacks {len(absent)} weights of model.encoder={row.name}, such as "
            f"{min(absent)}"
        )
    return backbone


#: The file of published weights that `thermodepth.model.imagenet` writes, and where the name stands in it.
PUBLISHED_FILE, PUBLISHED_KEY = "encoder.safetensors", "encoder"


def _published_pyramid(row: EncoderRow, folder: Path, *, channels: int) -> Encoder:
    """Published weights of a plain torch encoder, strictly: every tensor, no other one."""
    path = folder / PUBLISHED_FILE
    if not path.is_file():
        raise WeightsError(
            f"model.weights={folder}: no {PUBLISHED_FILE} there, which model.encoder={row.name} wants. Make "
            f"one with `python -m thermodepth.model.imagenet`, or give a model of ours"
        )
    state, facts = read_tensors(path, remedy="convert it again")
    published = facts.get(PUBLISHED_KEY)
    if published != row.name:
        raise WeightsError(f"{path}: holds {published!r}, but model.encoder={row.name}")
    encoder = build_encoder(row.name, channels=channels)
    if channels == 1:
        state["stem.convolution.weight"] = fold_kernel(state["stem.convolution.weight"])
    try:
        encoder.backbone.load_state_dict(state)
    except RuntimeError as error:
        reason = str(error).strip().splitlines()[-1].strip()
        raise WeightsError(f"{path}: does not fit model.encoder={row.name} ({reason})") from None
    return encoder


#: What a configuration says that changes the features of the same weights, or their number.
_ARCHITECTURE = (
    "layer_type",
    "embedding_size",
    "hidden_sizes",
    "depths",
    "hidden_size",
    "num_hidden_layers",
    "num_attention_heads",
    "num_register_tokens",
    "patch_size",
    "hidden_act",
    "layer_norm_eps",
    "downsample_in_first_stage",
)


def _check_same_architecture(name: str, source: str, published: Any, expected: Any) -> None:
    if published.model_type != expected.model_type:
        raise WeightsError(
            f"model.weights={source}: holds a '{published.model_type}', but model.encoder={name} is a "
            f"'{expected.model_type}'"
        )
    for key in _ARCHITECTURE:
        value, required = getattr(published, key, None), getattr(expected, key, None)
        if value != required:
            raise WeightsError(
                f"model.weights={source}: {key} is {value}, but model.encoder={name} has {required}"
            )


def fold_stem(backbone: nn.Module, channels: int) -> None:
    """Make a three-channel backbone read one channel, in place."""
    assert channels == 1, channels
    for module in backbone.modules():
        for name, child in module.named_children():
            if isinstance(child, nn.Conv2d) and child.in_channels == 3:
                narrow = nn.Conv2d(
                    1,
                    child.out_channels,
                    child.kernel_size,  # type: ignore[arg-type]
                    child.stride,  # type: ignore[arg-type]
                    child.padding,  # type: ignore[arg-type]
                    bias=child.bias is not None,
                )
                with torch.no_grad():
                    narrow.weight.copy_(fold_kernel(child.weight))
                    if child.bias is not None and narrow.bias is not None:
                        narrow.bias.copy_(child.bias)
                setattr(module, name, narrow)
        if getattr(module, "num_channels", None) == 3:
            module.num_channels = 1  # type: ignore[assignment]
    backbone.config.num_channels = 1  # type: ignore[union-attr]


def fold_kernel(kernel: Tensor) -> Tensor:
    """A stem kernel `[o 3 k k]` as `[o 1 k k]`: same answer to grey as before to three equal colours."""
    return kernel.sum(dim=1, keepdim=True)
