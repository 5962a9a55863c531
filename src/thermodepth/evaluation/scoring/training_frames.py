"""The frames that a guesser is fitted to, one after the other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from thermodepth.errors import DataError
from thermodepth.evaluation.protocols.protocol import Protocol
from thermodepth.types import Sample


class NoTruthError(DataError):
    """No frame has truth that a guesser could be fitted to."""


class TrainingFrame(NamedTuple):
    """A frame that has truth inside the protocol's range."""

    sample: Sample
    truth_m: NDArray[np.float32]  # [h w]
    scored: NDArray[np.bool_]  # [h w] which pixels the protocol scores


def training_frames(samples: Iterable[Sample], protocol: Protocol) -> Iterator[TrainingFrame]:
    """Every sample that a guesser can be fitted to, read once.

    Raises:
        NoTruthError: at the end, when there was none.
    """
    none = True
    for sample in samples:
        if sample.depth_m is not None:
            scored = protocol.scored(sample.depth_m)
            if scored.any():
                none = False
                yield TrainingFrame(sample, sample.depth_m, scored)
    if none:
        raise NoTruthError(
            f"no training frame has truth between {protocol.min_depth_m:g} and "
            f"{protocol.max_depth_m:g} m (protocol '{protocol.name}'), so a baseline cannot be fitted"
        )
