"""The pictures of docs/world.md: `make world`.

One street in every weather, one room with and without light, each from one seed, and seven scenes by
seven cameras, as the optics deliver them: RGB, noise-free apparent temperature, exact depth.
"""

from __future__ import annotations

from pathlib import Path

from thermodepth.cli.contact_sheet import FORMATS, Shot, draw_sheet, encode, make_shot
from thermodepth.files import write_bytes
from thermodepth.synthetic import Frame, render_any_camera, render_frame
from thermodepth.types import Sample, ThermalUnit

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "pictures"
WIDTH, HEIGHT = 320, 256
PICTURES = {
    "world-street.jpg": (
        "One street, five times",
        30,
        {
            "day": "day: cold paint, and on the road the ghost of an earlier shadow",
            "overcast": "overcast: people are warmer than what surrounds them",
            "dusk": "dusk: the paint fades",
            "night": "night: the paint is gone, kerbs and walls keep the warmth of the day",
            "rain": "rain, by night: the road is a mirror",
        },
    ),
    "world-room.jpg": (
        "One room, lamps on and off",
        23,
        {"lit": "lit", "dark": "dark: no light, the same heat"},
    ),
}
MANY = {
    50_000_051: "avenue, overcast: parked rows, traffic, houses, seen over the own bonnet",
    50_000_026: "avenue, dusk: a bend between trees",
    50_000_062: "fields, dusk: players behind a fence and trees, from a drone",
    50_000_040: "street, rain by night: warm lamps in a wet road",
    50_000_168: "wood, overcast: mounds and trunks",
    50_000_037: "near, lit: things on a round table, warm and cold by a few kelvin",
    50_000_027: "room, lit: a corridor",
}


def main() -> None:
    """Write the pictures and say how large they are."""
    for name, (title, seed, conditions) in PICTURES.items():
        shots = [
            shot(render_frame(seed, width=WIDTH, height=HEIGHT, condition=condition), caption)
            for condition, caption in conditions.items()
        ]
        sheet = draw_sheet(title, shots, panel_width=WIDTH, columns=1)
        path = FOLDER / name
        write_bytes(path, encode(sheet, FORMATS[path.suffix]))
        print(f"{path.name}: {sheet.width}x{sheet.height}, {path.stat().st_size / 1e3:.0f} kB")
    frames = {seed: render_any_camera(seed, pixels=WIDTH * HEIGHT) for seed in MANY}
    shots = [shot(frames[seed], caption) for seed, caption in MANY.items()]
    sheet = draw_sheet("A camera for every scene", shots, panel_width=WIDTH, columns=1)
    path = FOLDER / "world-many.jpg"
    write_bytes(path, encode(sheet, FORMATS[path.suffix]))
    print(f"{path.name}: {sheet.width}x{sheet.height}, {path.stat().st_size / 1e3:.0f} kB")


def shot(frame: Frame, caption: str) -> Shot:
    """A rendered frame as a row of the sheet."""
    sample = Sample(
        sample_id=frame.frame_id,
        thermal=frame.apparent_temperature_k,
        thermal_unit=ThermalUnit.KELVIN,
        intrinsics=frame.intrinsics,
        depth_m=frame.depth_m,
        rgb=frame.rgb,
        condition=frame.condition,
    )
    return make_shot(sample, caption, panel_width=WIDTH)


if __name__ == "__main__":
    main()
