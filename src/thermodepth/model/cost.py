"""What a network costs, whatever it runs on: multiplications with an addition for one image."""

from __future__ import annotations

import torch
from torch.utils.flop_counter import FlopCounterMode

from thermodepth.model.network import DepthNetwork


def multiply_accumulates(network: DepthNetwork, size: tuple[int, int]) -> int:
    """Of one image of (rows, columns): convolutions and matrix products, which are nearly all of it."""
    image = torch.zeros(1, 1, *size)
    focal_px = None if network.focal_px is None else torch.full((1,), float(size[1]))
    with torch.inference_mode(), FlopCounterMode(display=False) as counter:
        network(image, focal_px)
    return int(counter.get_total_flops()) // 2
