"""The table of loss terms in docs/method.md, made of `LOSSES`. `python tools/loss_terms.py`."""

from __future__ import annotations

from places import fill
from thermodepth.losses import LOSSES, LossRow

PIXELS = {"label": "with a label", "depth": "with truth", "sky": "where sky is known", None: "all"}
CHANGES = {
    "structure_affine": "a s + b",
    "label_affine": "a t + b",
    "image_affine": "a T + b",
    "depth_scale": "a D",
    "unit_of_length": "a D with a D*",
    "depth_exchange": "D for D*",
}


def places() -> dict[str, str]:
    """The text of every place of the page."""
    lines = [
        "| term (`losses.NAME`) | group | pixels | formula with its defaults | unchanged by |",
        "|---|---|---|---|---|",
        *(_line(row) for row in LOSSES.values()),
    ]
    return {"terms": "\n".join(lines)}


def _line(row: LossRow) -> str:
    settings = row.settings()
    group = "always" if row.group == "always" else f"`{row.group}`"
    if settings.weight == 0:
        group += ", weight 0"
    formula = row.formula.format_map(settings.model_dump()) or row.summary
    changes = [
        CHANGES[each.change]
        for each in row.invariances
        if settings.edit(dict(each.when)) == settings  # others want another setting
    ]
    return f"| `{row.name}` | {group} | {PIXELS[row.mask]} | {formula} | {', '.join(changes)} |"


if __name__ == "__main__":
    fill("method.md", "losses", places())
