"""A depth map drawn by matplotlib, whose import takes longer than a prediction and is put off until then."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import ImageColor

from thermodepth.colour import DEPTH_MAP, NO_VALUE
from thermodepth.inference.view import SKY_COLOUR, depth_limits_m
from thermodepth.lettering import round_metres

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from thermodepth.inference.interface import DepthMaps


def plot_depth(result: DepthMaps, ax: Axes | None) -> Axes:
    """Metric depth on axes of matplotlib, with a bar of round metres.

    Args:
        result: maps `[h w]`.
        ax: None makes a figure.
    """
    from matplotlib.colors import LogNorm
    from matplotlib.ticker import FixedLocator, NullLocator

    if ax is None:
        import matplotlib.pyplot as plt

        _, ax = plt.subplots(layout="constrained")
    near, far = depth_limits_m(result)
    metres = np.ma.masked_where(~result.has_depth, result.depth_m)
    red, green, blue = (channel / 255 for channel in NO_VALUE)
    ax.set_facecolor((red, green, blue))
    if result.sky is not None:
        sky = np.zeros((*result.sky.shape, 4))
        sky[result.sky] = np.array([*ImageColor.getrgb(SKY_COLOUR), 255]) / 255
        ax.imshow(sky)
    image = ax.imshow(metres, cmap=f"{DEPTH_MAP}_r", norm=LogNorm(near, far))
    figure = ax.get_figure(root=True)
    assert figure is not None
    bar = figure.colorbar(image, ax=ax, label="metres", format="%g", extend="both")
    bar.ax.invert_yaxis()  # near on top, as everywhere else
    bar.ax.yaxis.set_major_locator(FixedLocator(round_metres(near, far)))
    bar.ax.yaxis.set_minor_locator(NullLocator())
    ax.set_axis_off()
    return ax
