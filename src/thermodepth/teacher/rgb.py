"""What every RGB teacher does around its network: check frames, batch equal sizes, resize, bring back."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from thermodepth.errors import TeacherError
from thermodepth.teacher.interface import rgb_of
from thermodepth.types import Sample

#: `[b 3 h w]` float32 in [0, 1] -> `[b h w]`, the map at the same size.
Predict = Callable[[torch.Tensor], torch.Tensor]

#: Below this a frame has no picture to speak of, and reflective padding has nothing to reflect.
MIN_SIDE = 8


def label_rgb(
    samples: Sequence[Sample], predict: Predict, *, batch_size: int, device: torch.device
) -> list[NDArray[np.float32]]:
    """Run `predict` over the samples' RGB images, equal sizes together, results in the order given.

    Raises:
        TeacherError: naming the frame, when it has no usable RGB image or its map is not finite.
    """
    by_size: dict[tuple[int, int], list[int]] = {}
    for index, sample in enumerate(samples):
        by_size.setdefault(_checked_rgb(sample).shape[:2], []).append(index)
    maps: dict[int, NDArray[np.float32]] = {}
    for size, members in by_size.items():
        for start in range(0, len(members), batch_size):
            chunk = members[start : start + batch_size]
            stacked = np.stack([_checked_rgb(samples[i]) for i in chunk])
            image = torch.from_numpy(stacked).to(device).permute(0, 3, 1, 2)  # [b 3 h w]
            with torch.inference_mode():
                predicted = predict(image.float() / 255).float().cpu()  # [b h w]
            assert predicted.shape == (len(chunk), *size), (predicted.shape, size)
            for i, values in zip(chunk, predicted.numpy(), strict=True):
                if not np.isfinite(values).all():
                    raise TeacherError(
                        f"frame {samples[i].sample_id}: the teacher's map holds NaN or infinity; "
                        "its weights are damaged or do not fit its architecture"
                    )
                maps[i] = values.copy()
    return [maps[i] for i in range(len(samples))]


def _checked_rgb(sample: Sample) -> NDArray[np.uint8]:
    rgb = rgb_of(sample)
    if sample.rgb_view is not None:
        raise TeacherError(
            f"frame {sample.sample_id}: its RGB is another camera's view, whose maps do not fit the thermal "
            "frame; wrap the teacher in a TransferringTeacher"
        )
    if rgb.shape[:2] != sample.size:
        raise TeacherError(
            f"frame {sample.sample_id}: RGB image is {rgb.shape[1]}x{rgb.shape[0]}, the thermal frame "
            f"{sample.size[1]}x{sample.size[0]}; bring RGB into the thermal view first"
        )
    if min(rgb.shape[:2]) < MIN_SIDE:
        raise TeacherError(
            f"frame {sample.sample_id}: {rgb.shape[1]}x{rgb.shape[0]} is too small for a teacher "
            f"(at least {MIN_SIDE} pixels a side)"
        )
    return rgb


def resize_map(values: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """`[b h w]` to another size. Bilinear: bicubic overshoots, and would put inverse depth below zero."""
    if tuple(values.shape[-2:]) == size:
        return values
    return F.interpolate(values[:, None], size=size, mode="bilinear", antialias=True)[:, 0]


def multiple_at_least(length: float, minimum: int, multiple: int) -> int:
    """The multiple of `multiple` nearest to `length` that is not below `minimum`."""
    return max(round(length / multiple), math.ceil(minimum / multiple), 1) * multiple


def open_device(name: str) -> torch.device:
    """`auto` is the first CUDA device where there is one.

    Raises:
        TeacherError: for a device that this machine or this build of torch does not have.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).strip().splitlines()[0]
        raise TeacherError(
            f"teacher device '{name}' cannot be used ({reason}); allowed: auto, cpu, cuda, cuda:0, mps"
        ) from None
    if device.type == "meta":
        raise TeacherError("teacher device 'meta' holds no numbers; allowed: auto, cpu, cuda, mps")
    return device
