"""The tables of loss terms and of their forms in docs/method.md. `python tools/loss_terms.py`."""

from __future__ import annotations

from places import fill
from thermodepth.losses import LOSSES, LossRow
from thermodepth.losses.consistency_forms import FORMS as CONSISTENCY_FORMS
from thermodepth.losses.structure_ssi import FORMS as SSI_FORMS

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
    return {"terms": "\n".join(lines), "consistency": _consistency_forms(), "ssi": _ssi_forms()}


def _consistency_forms() -> str:
    default = LOSSES["gradient_consistency"].settings()
    lines = [
        "| `losses.gradient_consistency.form` | formula | reads | unchanged by | 0 where both maps are right"
        " | source |",
        "|---|---|---|---|---|---|",
    ]
    for name, row in CONSISTENCY_FORMS.items():
        title = f"`{name}`" + (" (default)" if name == getattr(default, "form", "") else "")
        reads = ", ".join(f"`{each}`" for each in sorted(row.reads))
        unchanged = ", ".join(CHANGES[change] for change in row.unchanged_by)
        exact = "yes" if row.least_at_truth else "**no**"
        if "space" in row.reads:
            exact += ", but **no** with `space` log and depth"
        lines.append(
            f"| {title} | {row.formula} | {reads} | {unchanged} | {exact} | {row.source} |"
        )
    return "\n".join(lines)


def _ssi_forms() -> str:
    lines = ["| `losses.structure_ssi.form` | residual | source |", "|---|---|---|"]
    for name, row in SSI_FORMS.items():
        title = f"`{name}`" + (" (default)" if name == "trimmed" else "")
        lines.append(f"| {title} | {row.formula} | {row.source} |")
    return "\n".join(lines)


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
