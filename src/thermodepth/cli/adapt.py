"""`thermodepth adapt`: a model for another camera, by the statistics of unlabelled frames of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from thermodepth.errors import SettingsError
from thermodepth.threads import set_thread_policy

if TYPE_CHECKING:
    from thermodepth.inference.adaptation import Adaptation
    from thermodepth.model import LoadedModel

DEFAULT_ORIGIN = "synthetic"  # where the norms of the model have constants and nobody names another

OldModel = Annotated[
    str, typer.Argument(help="A run folder, a model folder or a built-in name; left as it is.")
]
Frames = Annotated[Path, typer.Argument(help="A folder of thermal frames of one camera.")]
Out = Annotated[Path, typer.Option(help="Folder of the new model.")]
Origin = Annotated[
    str | None,
    typer.Option(
        help="Data of the kind that the model was trained on, where its norms have constants. Default: "
        "the shipped pack."
    ),
]


def adapt(model: OldModel, frames: Frames, out: Out, origin: Origin = None) -> None:
    """A model for another camera: norm statistics of unlabelled frames of it. No weight changes.

    Not for every camera and never silent: it says what moved. See docs/finetune.md.
    """
    set_thread_policy()
    from thermodepth.inference.adaptation import adapt_to_frames
    from thermodepth.inference.predictor import Predictor
    from thermodepth.inference.statistics import needs_origin
    from thermodepth.model import load_model, resolve_model, save_model

    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise SettingsError(f"--out {out}: is there already; a model is written into a new folder")
    loaded = load_model(resolve_model(model))
    predictor = Predictor(loaded, device="cpu")  # refuses what reads RGB
    _check_statistics(loaded, model, origin)
    origin = (origin or DEFAULT_ORIGIN) if needs_origin(loaded.network) else None
    adaptation = adapt_to_frames(predictor, frames, origin=origin or DEFAULT_ORIGIN)
    about = {"model": loaded.fingerprint, "frames": adaptation.frames, "origin": origin}
    history = {**loaded.recipe.history, "statistics": about}
    save_model(out, loaded.network, loaded.recipe.edit({"history": history}))
    _print(adaptation, out)


def _check_statistics(loaded: LoadedModel, name: str, origin: str | None) -> None:
    from thermodepth.inference.statistics import has_statistics, needs_origin

    if not has_statistics(loaded.network):
        raise SettingsError(
            f"{name}: norms every image by itself and holds no statistics of any frames, so there is nothing "
            "to take from yours; fine-tune it (`thermodepth train --recipe finetune:MODEL`)"
        )
    if origin is not None and not needs_origin(loaded.network):
        raise SettingsError(
            f"--origin {origin}: has no effect, the norms of {name} hold the statistics of their training"
        )


def _print(adaptation: Adaptation, out: Path) -> None:
    from thermodepth.cli.terminal import console

    change = adaptation.change
    console.print(
        f"{out}: statistics of {change.layers} norm layers ({change.channels} channels) taken from "
        f"{adaptation.frames} frames. They moved most in {change.layer}: means by {change.shift:.2f} "
        f"standard deviations, spreads to {change.spread:.2f} times what they were (medians over its "
        "channels)",
        soft_wrap=True,
    )
    console.print(
        f"on these frames depth is {adaptation.depth_factor:.2f} times what it was (median), between pixels "
        f"by factors that are {adaptation.depth_factor_spread:.2f}-fold apart. No weight has changed, and "
        "nothing in this says that it got better: look at both, or score them with `thermodepth evaluate`",
        soft_wrap=True,
    )
