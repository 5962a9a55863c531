"""The card of a model on the hub: what it is, where it comes from, under which licence, what was measured.

Its head is the YAML that the hub reads; the rest is for people.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from thermodepth.errors import SettingsError
from thermodepth.files import write_text
from thermodepth.model.weights import LoadedModel, ModelRecipe, copy_model

CARD_FILE = "README.md"

#: As the hub lists them: `apache-2.0`, `cc-by-nc-4.0`, `mit`, `other`.
_LICENCE = re.compile(r"[a-z0-9][a-z0-9.+-]{0,63}")
#: The guesser that stands in every table of scores.
GUESSER = "constant depth"
_NO_SCORES = """\
No scores on real frames were given. Metres on a camera and scenes of your own are a guess before they are
measured: `thermodepth evaluate` scores the model beside guessers that never look at the image, `thermodepth
calibrate` finds the factor of a camera."""
#: Of a model's history, in the words of people.
_HISTORY = {
    "data": "data",
    "data_fingerprint": "fingerprint of the data",
    "labels": "labels of the teacher",
    "steps": "steps",
    "seed": "seed",
    "first_weights": "first weights",
    "run": "run",
    "statistics": "norm statistics",
}


def model_card(model: LoadedModel, name: str, *, licence: str, scores: str, about: str) -> str:
    """Markdown.

    Args:
        model: whose card it is.
        name: `org/name`.
        licence: as the hub lists them.
        scores: tables in Markdown, with guessers; empty: none were given.
        about: Markdown of the maker; empty: none.

    Raises:
        SettingsError: for a licence that is none, or scores without a guesser.
    """
    if not _LICENCE.fullmatch(licence):
        raise SettingsError(
            f"licence '{licence}': expected an identifier in lower case, such as apache-2.0, cc-by-nc-4.0, "
            "other"
        )
    if scores and GUESSER not in scores:
        raise SettingsError(
            f"scores: no row '{GUESSER}'; a score of depth stands beside guessers that never look at the "
            "image, as `thermodepth evaluate` writes it"
        )
    rows = "\n".join(f"| {label} | {value} |" for label, value in _facts(model, licence))
    title = name.split("/")[-1]
    parts = [
        f"""\
---
license: {licence}
library_name: thermodepth
pipeline_tag: depth-estimation
tags: [thermal, infrared, monocular-depth]
---

# {title}

{_summary(model.recipe)}

{_use(model.recipe, name)}|  |  |
|---|---|
{rows}""",
        f"## On real frames\n\n{scores.strip() or _NO_SCORES}",
    ]
    if about:
        parts.append(f"## From its maker\n\n{_without_title(about).strip()}")
    return "\n\n".join(parts) + "\n"


def write_with_card(source: Path, target: Path, card: str) -> None:
    """A model folder as a new one with its card; what one camera's metres are stays behind.

    Raises:
        SettingsError, WeightsError, OutputError: as `copy_model`.
    """
    copy_model(source, target)
    write_text(target / CARD_FILE, card)


def _summary(recipe: ModelRecipe) -> str:
    if recipe.modality == "rgb":
        return "Depth from one RGB image, as a teacher of thermal models."
    return (
        "Metric depth and structure from one thermal image, made with thermodepth. It takes raw frames "
        f"({recipe.trained_unit} in training); the input recipe is in `model.json`."
    )


def _use(recipe: ModelRecipe, name: str) -> str:
    """How it is used; of an RGB teacher, which `load` does not take, nothing."""
    if recipe.modality == "rgb":
        return ""
    lens = ", fov_deg=45" if recipe.lens else ""
    return f"""\
```python
import thermodepth

predictor = thermodepth.load("{name}"{lens})
depth = predictor("frame.png")  # a raw thermal frame
```

"""


def _facts(model: LoadedModel, licence: str) -> Iterator[tuple[str, str]]:
    recipe = model.recipe
    settings = recipe.model
    parameters = sum(weight.numel() for weight in model.network.parameters())
    yield (
        "network",
        f"{settings.encoder}, decoder {settings.decoder}, {parameters / 1e6:.2f} M parameters",
    )
    heads = ["structure", "metric depth"] + ["sky"] * settings.sky
    yield "heads", ", ".join(heads + ["relative error"] * (recipe.error_calibration is not None))
    assert settings.depth_range_m is not None
    near_m, far_m = settings.depth_range_m
    yield "depth", f"{near_m:.3g} to {far_m:.3g} m"
    least, most = recipe.trained_short_sides
    yield "sizes", f"trained at short sides of {least} to {most} pixels"
    yield (
        "lens",
        "metres hold for the lens and the size of the training"
        if recipe.lens is None
        else "told to it (`fov_deg`, `focal_px`, a calibration); without one "
        f"{recipe.lens.field_of_view_deg:.0f} degrees along the long side are taken, with a warning",
    )
    yield "input recipe", f"{recipe.normaliser.name}"
    for key, label in _HISTORY.items():
        if key in recipe.history:
            yield label, _cell(recipe.history[key])
    if recipe.error_calibration is not None:
        calibration = recipe.error_calibration
        yield (
            "expected error",
            f"calibrated on {calibration.units} {calibration.unit} of {_cell(calibration.data)}",
        )
    if recipe.extensions:
        names = ", ".join(_cell(record.words()) for record in recipe.extensions)
        yield "needs", f"extensions that do not come with it: {names} (`--with`)"
    yield "fingerprint", model.fingerprint
    yield "licence", licence


def _cell(value: object) -> str:
    """In a table: neither lines nor cells of its own."""
    return " ".join(str(value).split()).replace("|", "\\|")


def _without_title(text: str) -> str:
    first, _, rest = text.lstrip().partition("\n")
    return rest if first.startswith("# ") else text
