"""Any backbone of transformers as an encoder: `model.encoder=auto:microsoft/resnet-18`, or `auto:FOLDER`.

The configuration is read once, where a training begins, and travels in the model, so that the trained one
is built without the hub. Only configurations of the library's own classes are built: no remote code.

The decoder takes four maps: at strides 4, 8, 16 and 32, or all at one stride, that of a plain transformer's
patches. A backbone that has none such is refused with the strides that it has.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from thermodepth.errors import DataError, SettingsError
from thermodepth.files import ask_folder, read_json

AUTO = "auto:"
STRIDES = (4, 8, 16, 32)
MOST_BYTES = 1_000_000  # of a config.json
#: What says where a configuration came from, or names code to run.
_NOT_ARCHITECTURE = (
    "_name_or_path",
    "architectures",
    "auto_map",
    "dtype",
    "id2label",
    "label2id",
    "num_labels",
    "torch_dtype",
    "transformers_version",
)


def is_auto(name: str) -> bool:
    """Whether an encoder's name asks transformers for it."""
    return name.startswith(AUTO)


def read_config(name: str) -> dict[str, Any]:
    """The architecture that `auto:ID` names, as plain JSON.

    Raises:
        SettingsError: when neither a folder nor the hub gives a configuration.
    """
    source = name.removeprefix(AUTO)
    folder = Path(source).expanduser()
    is_hub_id = source.count("/") == 1 and not source.startswith((".", "/", "~"))
    if not folder.is_dir() and (folder.exists() or not is_hub_id):
        raise SettingsError(
            f"model.encoder={name}: no such folder, and not a hub id such as microsoft/resnet-18"
        )
    if folder.is_dir():
        try:
            ask_folder(folder)
            tree = read_json(folder / "config.json", limit=MOST_BYTES)
        except DataError as error:
            raise SettingsError(f"model.encoder={name}: {error}") from None
    else:
        tree = _hub_config(name, source)
    return {key: value for key, value in tree.items() if key not in _NOT_ARCHITECTURE}


def _hub_config(name: str, source: str) -> dict[str, Any]:
    from transformers import AutoConfig

    try:
        config = AutoConfig.from_pretrained(source, trust_remote_code=False)
    except (OSError, ValueError) as error:
        reason = str(error).strip().partition("\n")[0]
        raise SettingsError(
            f"model.encoder={name}: cannot be had ({reason}). Give a local folder with its config.json"
        ) from None
    tree: dict[str, Any] = json.loads(config.to_json_string(use_diff=False))
    return tree


def backbone_config(tree: Mapping[str, Any], channels: int, name: str) -> Any:
    """The configuration for so many input channels, with the four stages that the decoder gets.

    Raises:
        SettingsError: for a family that this transformers lacks or that is no backbone, one whose input
            channels are fixed, or one of fewer than four stages.
    """
    from transformers import AutoConfig

    where = f"model.encoder={name}"
    kind = tree.get("model_type")
    rest = {
        key: value
        for key, value in tree.items()
        if key
        not in ("model_type", "out_features", "out_indices", "stage_names", *_NOT_ARCHITECTURE)
    }
    try:
        config = AutoConfig.for_model(str(kind), **rest)
    except Exception as error:  # transformers has errors of many kinds
        reason = str(error).strip().partition("\n")[0]
        raise SettingsError(f"{where}: model_type {kind!r}: {reason}") from None
    if not hasattr(config, "num_channels"):
        raise SettingsError(
            f"{where}: a {kind} has no num_channels, so its input cannot be thermal"
        )
    stages = len(getattr(config, "stage_names", None) or ()) - 1  # the first is the stem
    if stages < len(STRIDES):
        raise SettingsError(
            f"{where}: a {kind} of {max(stages, 0)} stages, expected a backbone of four or more"
        )
    config.num_channels = channels
    config.out_indices = [stages * quarter // 4 for quarter in (1, 2, 3, 4)]
    return config


@dataclass(frozen=True, slots=True)
class Probe:
    """What a backbone does with a picture."""

    stride: int  # the largest of its maps
    idle: frozenset[
        str
    ]  # weights that no picture reaches, such as a last norm that backbones leave out


def probe_backbone(config: Any, name: str, channels: int) -> Probe:
    """Look at what a backbone gives for a picture of nothing, without memory for its weights.

    Raises:
        SettingsError: for maps that the decoder cannot take.
    """
    import torch
    from transformers import AutoBackbone

    patch = getattr(config, "patch_size", None)
    side = 32 * (patch if isinstance(patch, int) else 1) // _common(patch)
    side = max(side, 64)
    try:
        # Also inside of a prediction, where gradients are off.
        with torch.inference_mode(False), torch.enable_grad(), torch.device("meta"):
            backbone = AutoBackbone.from_config(config).eval()
            maps = backbone(torch.zeros(1, channels, side, 2 * side)).feature_maps
            torch.autograd.backward(torch.stack([each.sum() for each in maps]).sum())
    except Exception as error:
        reason = str(error).strip().partition("\n")[0]
        raise SettingsError(
            f"model.encoder={name}: cannot be built as a backbone ({reason})"
        ) from None
    shapes = [tuple(m.shape[-2:]) for m in maps if m.ndim == 4]
    strides = [side / rows for rows, _ in shapes]
    across = [2 * side / columns for _, columns in shapes]
    one = len(set(strides)) == 1 and float(strides[0]).is_integer()
    if len(shapes) != 4 or strides != across or not (one or tuple(strides) == STRIDES):
        listing = ", ".join(f"{stride:g}" for stride in strides) or "none"
        raise SettingsError(
            f"model.encoder={name}: its maps have strides {listing}, expected {STRIDES} or one of them four "
            "times"
        )
    expected = list(backbone.channels)
    if [m.shape[1] for m in maps] != expected:
        raise SettingsError(
            f"model.encoder={name}: its maps have {[m.shape[1] for m in maps]} channels, and it says "
            f"{expected}"
        )
    idle = {key for key, parameter in backbone.named_parameters() if parameter.grad is None}
    return Probe(stride=int(max(strides)), idle=frozenset(idle))


def _common(patch: Any) -> int:
    import math

    return math.gcd(32, patch) if isinstance(patch, int) else 1
