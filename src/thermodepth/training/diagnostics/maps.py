"""Where terms pull against each other: their gradients at the two output maps, for a few fixed frames.

    m_k = d(w_k mean(L_k)) / d(map)      one value per pixel, term and head

The frames are the first of the training's own stream, the network is as it predicts (norms with their
running statistics), so maps of different steps can be compared. They say where, not how much: agreement
at the maps is a poor guess of agreement at the parameters.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from thermodepth.errors import DataError
from thermodepth.files import open_file, replacing
from thermodepth.losses import LossesSettings, evaluate
from thermodepth.training.diagnostics.gradients import weighted_means
from thermodepth.types import Batch, Prediction

if TYPE_CHECKING:
    from numpy.typing import NDArray

HEADS = ("structure", "log_depth")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ConflictMaps:
    """The gradients of one look; a (term, head) that has none is left out."""

    step: int
    sample_ids: tuple[str, ...]
    image: NDArray[np.float32]  # [n h w] network input, mean over channels
    terms: tuple[str, ...]  # m of them, with `heads` the name of a map
    heads: tuple[str, ...]
    gradients: NDArray[np.float32]  # [m n h w] each divided by its largest magnitude
    largest: NDArray[np.float64]  # [m] what it was divided by

    def conflict(self, head: str) -> NDArray[np.float64]:
        """`[n h w]`: 0 where all terms pull one way, 1 where they cancel, NaN where none pulls.

        1 - |sum_k m_k| / sum_k |m_k|
        """
        of_head = [n for n, name in enumerate(self.heads) if name == head]
        pulls = (
            self.gradients[of_head].astype(np.float64) * self.largest[of_head][:, None, None, None]
        )
        size = np.abs(pulls).sum(0)
        with np.errstate(invalid="ignore", divide="ignore"):
            conflict: NDArray[np.float64] = 1 - np.abs(pulls.sum(0)) / size
        return conflict


@contextmanager
def predicting(network: nn.Module) -> Iterator[None]:
    """The network as it predicts; every module goes back to the mode it was in."""
    modes = [(module, module.training) for module in network.modules()]
    network.eval()
    try:
        yield
    finally:
        for module, training in modes:
            module.training = training


def first_frames(batch: Batch, count: int) -> Batch:
    """The first images of a batch."""
    cut: dict[str, Any] = {f.name: getattr(batch, f.name)[:count] for f in fields(batch)}
    return replace(batch, **cut)


def conflict_maps(
    network: nn.Module, batch: Batch, losses: LossesSettings, *, step: int, progress: float
) -> ConflictMaps:
    """Look at the maps of these frames; the network is as it was afterwards."""
    with predicting(network), torch.no_grad():
        prediction: Prediction = network(batch.image, batch.focal_px)
    maps = {head: getattr(prediction, head).detach().float().requires_grad_() for head in HEADS}
    # What other heads say is a constant here: terms that teach nothing else pull at neither map.
    constant_elsewhere = Prediction(
        **maps, sky_logit=prediction.sky_logit, log_error=prediction.log_error
    )
    report = evaluate(constant_elsewhere, batch, losses, progress=progress)
    pulls: list[tuple[str, str, Tensor]] = []
    for term, loss in weighted_means(report).items():
        if not loss.requires_grad:
            continue
        gradients = torch.autograd.grad(
            loss, list(maps.values()), retain_graph=True, allow_unused=True
        )
        pulls += [(term, h, g) for h, g in zip(HEADS, gradients, strict=True) if g is not None]
    nothing = np.zeros(
        (0, *prediction.structure.shape), np.float32
    )  # where terms teach other heads alone
    values = np.stack([g.cpu().numpy() for _, _, g in pulls]) if pulls else nothing
    largest = np.abs(values).max((1, 2, 3)).astype(np.float64)
    scale = np.where(largest > 0, largest, 1.0)[:, None, None, None]
    return ConflictMaps(
        step=step,
        sample_ids=batch.sample_ids,
        image=batch.image.float().mean(1).cpu().numpy(),
        terms=tuple(term for term, _, _ in pulls),
        heads=tuple(head for _, head, _ in pulls),
        gradients=(values / scale).astype(np.float32),
        largest=largest,
    )


def save_conflict_maps(path: Path, maps: ConflictMaps) -> None:
    """Write whole or not at all; half precision, the scale beside it."""
    with replacing(path) as temporary, temporary.open("wb") as stream:
        np.savez_compressed(
            stream,
            step=np.array(maps.step),
            sample_ids=np.array(maps.sample_ids),
            image=maps.image.astype(np.float16),
            terms=np.array(maps.terms),
            heads=np.array(maps.heads),
            gradients=maps.gradients.astype(np.float16),
            largest=maps.largest,
        )


def read_conflict_maps(path: Path) -> ConflictMaps:
    """One file of `save_conflict_maps`.

    Raises:
        DataError: naming the file, when it is missing or not one of these.
    """
    try:
        # Opened here and not by numpy, which leaves a damaged file open.
        with open_file(path) as stream, np.load(stream, allow_pickle=False) as stored:
            return ConflictMaps(
                step=int(stored["step"]),
                sample_ids=tuple(stored["sample_ids"].tolist()),
                image=stored["image"].astype(np.float32),
                terms=tuple(stored["terms"].tolist()),
                heads=tuple(stored["heads"].tolist()),
                gradients=stored["gradients"].astype(np.float32),
                largest=stored["largest"],
            )
    except DataError:
        raise
    except Exception as error:  # numpy and zipfile raise a dozen kinds for a damaged file
        raise DataError(f"{path}: cannot be read as conflict maps ({error})") from None
