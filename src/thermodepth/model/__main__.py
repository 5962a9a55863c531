"""`python -m thermodepth.model RUN FOLDER [SHORT_SIDE]`: a trained model in half precision, for shipping."""

from __future__ import annotations

import sys
from pathlib import Path

from thermodepth.errors import SettingsError, UserError
from thermodepth.model.weights import ModelRecipe, load_model, resolve_model, save_model


def main(arguments: list[str]) -> int:
    """Copy a model folder with float16 weights; 0 when it is written."""
    if len(arguments) not in (2, 3):
        print("usage: python -m thermodepth.model RUN FOLDER [SHORT_SIDE]", file=sys.stderr)
        return 2
    source, target, *side = arguments
    try:
        model = load_model(resolve_model(source))
        recipe = at_short_side(model.recipe, side[0]) if side else model.recipe
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    save_model(Path(target), model.network, recipe, half=True)
    print(f"{target}: {sum(p.stat().st_size for p in Path(target).iterdir()) / 1e6:.1f} MB")
    return 0


def at_short_side(recipe: ModelRecipe, pixels: str) -> ModelRecipe:
    """The recipe of a model that works at another of the sizes that it was trained at.

    Args:
        recipe: of the model.
        pixels: of the shorter side, as typed.

    Raises:
        SettingsError: for a size outside the training's, or a calibration, which holds for one size.
    """
    least, most = recipe.trained_short_sides
    if not pixels.isdecimal() or not least <= int(pixels) <= most:
        raise SettingsError(f"SHORT_SIDE {pixels}: expected {least} to {most}, as in training")
    if recipe.error_calibration is not None:
        raise SettingsError(
            f"SHORT_SIDE {pixels}: the expected error was calibrated at {min(recipe.working_size)}; "
            "choose the size first, then calibrate"
        )
    scale = int(pixels) / min(recipe.working_size)
    rows, columns = (round(side * scale) for side in recipe.working_size)
    lens = recipe.lens
    return recipe.model_copy(
        update={
            "working_size": (rows, columns),
            "lens": lens and lens.model_copy(update={"focal_px": lens.focal_px * scale}),
        }
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
