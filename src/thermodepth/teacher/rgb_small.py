"""The built-in teachers: our own small RGB networks, trained on rendered scenes.

Two ship, `rgb-small` and `rgb-any`, so that the whole method runs on a laptop without a network. Their
weights travel in `assets/`; the network comes in by injection, because a teacher knows how to prepare images
and not how networks are built.

Images keep their aspect: the short side goes to the working size, what is missing to a multiple of 32 is
reflected at the borders and cut off again. The working size is the largest that the network was trained at:
below it pixels are thrown away, above it things are larger than any it has met.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from thermodepth.errors import TeacherError
from thermodepth.teacher.interface import fingerprint_of, weights_sha256
from thermodepth.teacher.rgb import label_rgb, open_device, resize_map
from thermodepth.types import Geometry, Sample

#: `[b 3 h w]` in [0, 1], sides multiples of 32 -> `[b h' w']` inverse depth, larger = nearer.
Network = Callable[[torch.Tensor], torch.Tensor]
MULTIPLE = 32


@dataclass(frozen=True, slots=True)
class TrainedNetwork:
    """A network, and the largest size that it knows."""

    network: Network
    short_side: int  # pixels, of the largest frames of its training


NetworkLoader = Callable[[Path], TrainedNetwork]


class RgbSmallTeacher:
    """A small RGB network as a teacher: affine-invariant inverse depth, larger = nearer."""

    geometry = Geometry.AFFINE_INVERSE

    def __init__(
        self,
        network: Network,
        weights_sha256: str,
        working_size: int,
        *,
        name: str = "rgb-small",
        batch_size: int = 8,
        device: str = "cpu",
    ) -> None:
        """Wrap a network that is already loaded.

        Args:
            network: maps `[b 3 h w]` in [0, 1] to `[b h' w']`, larger = nearer; a `torch.nn.Module` is
                moved to the device and put into evaluation mode.
            weights_sha256: identity of the weights.
            working_size: pixels of the short side that the network sees, a multiple of 32.
            name: of the kind of teacher, for messages and its fingerprint.
            batch_size: images of one pass.
            device: auto, cpu, cuda or mps.
        """
        self._name = name
        if working_size < MULTIPLE or working_size % MULTIPLE:
            raise TeacherError(
                f"teacher {name}: input size {working_size}, expected a multiple of {MULTIPLE}"
            )
        self._device = open_device(device)
        self._network = network
        if isinstance(network, torch.nn.Module):
            self._network = network.to(self._device).eval()
        self._weights_sha256 = weights_sha256
        self._working_size = working_size
        self._batch_size = batch_size

    @property
    def description(self) -> str:
        """Kind and working size."""
        return f"built-in RGB network, short side {self._working_size} px"

    def fingerprint(self) -> str:
        """Of the weights and the working size."""
        parts = {"weights": self._weights_sha256, "working_size": self._working_size}
        return fingerprint_of(self._name, parts)

    def label(self, samples: Sequence[Sample]) -> list[NDArray[np.float32]]:
        """`[h w]` inverse depth per sample, up to factor and offset.

        Raises:
            TeacherError: for a sample without a usable RGB image.
        """
        return label_rgb(samples, self._predict, batch_size=self._batch_size, device=self._device)

    def _predict(self, image: torch.Tensor) -> torch.Tensor:
        size = (int(image.shape[-2]), int(image.shape[-1]))
        inner = scaled_size(size, self._working_size)
        outer = tuple(-(-side // MULTIPLE) * MULTIPLE for side in inner)
        if size != inner:
            image = F.interpolate(image, size=inner, mode="bilinear", antialias=True)
        rows, columns = outer[0] - inner[0], outer[1] - inner[1]
        top, left = rows // 2, columns // 2
        if rows or columns:
            image = F.pad(image, (left, columns - left, top, rows - top), mode="reflect")
        padded = resize_map(self._network(image), (outer[0], outer[1]))
        return resize_map(padded[:, top : top + inner[0], left : left + inner[1]], size)


def scaled_size(size: tuple[int, int], short_side: int) -> tuple[int, int]:
    """(rows, columns) with the short side as given and the aspect kept to within half a pixel."""
    scale = short_side / min(size)
    return max(round(size[0] * scale), short_side), max(round(size[1] * scale), short_side)


def open_rgb_small(
    folder: Path,
    network_loader: NetworkLoader,
    *,
    working_size: int | None,
    name: str = "rgb-small",
    batch_size: int,
    device: str,
) -> RgbSmallTeacher:
    """Open the network of a weights folder.

    Args:
        folder: of the weights.
        network_loader: gives its network.
        working_size: pixels of the short side that the network sees, a multiple of 32; None for the largest
            that it was trained at.
        name: of the kind of teacher.
        batch_size: images of one pass.
        device: auto, cpu, cuda or mps.

    Raises:
        TeacherError: naming the folder, when it is missing or holds no safetensors weights.
    """
    if not folder.is_dir():
        raise TeacherError(f"{folder}: no such folder; the built-in teacher's weights belong there")
    sha256 = weights_sha256(folder)
    trained = network_loader(folder)
    largest = max(trained.short_side // MULTIPLE, 1) * MULTIPLE
    return RgbSmallTeacher(
        trained.network,
        sha256,
        largest if working_size is None else working_size,
        name=name,
        batch_size=batch_size,
        device=device,
    )
