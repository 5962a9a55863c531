"""What the loss terms of a finished cell pull at: looked at once, with the weights that are scored.

The frames are the first of the training's own stream, which all arms of a seed share, as far as they edit no
data. Nothing of the training is touched, and no number of a cell depends on it.
"""

from __future__ import annotations

from typing import Any

from thermodepth.data import Dataset
from thermodepth.data.loader import BatchStream, collate, trained_frames
from thermodepth.errors import SettingsError
from thermodepth.evaluation.protocols.protocol import Protocol
from thermodepth.model import DepthNetwork
from thermodepth.teacher import LabelStore
from thermodepth.training.diagnostics.shares import GradientShares, gradient_shares
from thermodepth.training.labels import label_reader
from thermodepth.training.settings import TrainingSettings

MOST_FRAMES, MOST_PIXELS = 16, 2**20  # a second of a core, and some dozens of megabytes
#: Of `cell.json`; cells of earlier versions have none.
SHARES = "gradient_shares"


def shares_at_end(
    network: DepthNetwork,
    settings: TrainingSettings,
    dataset: Dataset,
    labels: LabelStore,
    protocol: Protocol,
) -> GradientShares:
    """The shares of every term at both maps, by the protocol's bands of distance.

    Args:
        network: trained; the device that it is on computes.
        settings: of the training, resolved.
        dataset: that it was trained on.
        labels: that taught it.
        protocol: that the cell is scored under.

    Raises:
        DataError: for a frame or label that cannot be read.
    """
    size = settings.data.size
    assert size is not None, "resolve the settings first"
    stream = BatchStream(
        trained_frames(dataset, settings.data, seed=settings.seed),
        settings.data,
        size=size,
        seed=settings.seed,
        label_of=label_reader(labels, budget_bytes=0),
        knows_lens=settings.model.focal_px is not None,
    )
    rows, columns = stream.size_at(0)  # all frames of a step have one size
    count = min(MOST_FRAMES, settings.data.batch_size, max(MOST_PIXELS // (rows * columns), 1))
    batch = collate([stream.sample(position) for position in range(count)], settings.data)
    return gradient_shares(
        network,
        batch.to(next(network.parameters()).device),
        settings.losses,
        edges_m=protocol.range_bin_edges_m or (protocol.min_depth_m, protocol.max_depth_m),
        progress=(settings.steps - 1) / settings.steps,
    )


def shares_in(facts: dict[str, Any], where: str) -> GradientShares | None:
    """What a finished cell says of them; None of one that an earlier version computed.

    Raises:
        SettingsError: naming the place, for something else.
    """
    tree = facts.get(SHARES)
    if tree is None:
        return None
    if not isinstance(tree, dict):
        raise SettingsError(f"{where}: {SHARES} = {tree!r:.80}, expected a section")
    return GradientShares.parse(tree, where=f"{where}: {SHARES}")
