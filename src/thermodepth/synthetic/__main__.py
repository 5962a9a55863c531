"""`python -m thermodepth.synthetic OUT.zip --train 300 --val 40 --test 60 --size 128x96 --workers 2`"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from thermodepth.errors import UserError
from thermodepth.synthetic.pack_building import build_pack
from thermodepth.synthetic.world import SPLIT_STARTS


def main(arguments: list[str] | None = None) -> int:
    """Build a pack; 0 when it is written, 2 when something has to be mended first."""
    parser = argparse.ArgumentParser(
        prog="python -m thermodepth.synthetic",
        description="Render a pack of synthetic RGB, long-wave and depth frames. A killed run goes on "
        "where it stopped when it is started again.",
    )
    parser.add_argument("out", help="the zip file to write")
    for split in SPLIT_STARTS:
        parser.add_argument(f"--{split}", type=_count, default=0, metavar="N", help="frames")
    parser.add_argument("--size", type=_size, default=(128, 96), metavar="WxH")
    parser.add_argument("--samples", type=int, default=2, help="rays a pixel along each axis")
    parser.add_argument("--workers", type=int, default=1, metavar="K", help="processes")
    given = parser.parse_args(arguments)
    seeds = {
        split: range(start, start + getattr(given, split))
        for split, start in SPLIT_STARTS.items()
        if getattr(given, split)
    }
    width, height = given.size
    line = _ProgressLine()
    try:
        build_pack(
            given.out,
            seeds=seeds,
            width=width,
            height=height,
            workers=given.workers,
            samples=given.samples,
            progress=line.show,
        )
    except (UserError, OSError) as error:
        print(f"\n{error}" if line.shown else error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nstopped; the same command goes on from here", file=sys.stderr)
        return 130
    frames = sum(map(len, seeds.values()))
    size = Path(given.out).stat().st_size
    print(
        f"\n{given.out}: {frames} frames, {size / 1e6:.1f} MB, {size / frames / 1e3:.1f} kB a frame"
    )
    return 0


def _count(text: str) -> int:
    number = int(text)
    if not 0 <= number <= 99_999:
        raise argparse.ArgumentTypeError("must be within 0..99999")
    return number


def _size(text: str) -> tuple[int, int]:
    width, _, height = text.partition("x")
    if not (
        width.isdecimal() and height.isdecimal() and 8 <= int(width) <= 4096 >= int(height) >= 8
    ):
        raise argparse.ArgumentTypeError(f"'{text}' is not a size like 128x96 (8 to 4096 each)")
    return int(width), int(height)


class _ProgressLine:
    """One line, rewritten."""

    def __init__(self) -> None:
        self.shown = False
        self._started = time.monotonic()
        self._first = 0

    def show(self, done: int, total: int) -> None:
        """Frames so far, and how long the rest will take."""
        if not self.shown:
            self._first, self.shown = done, True
        fresh, spent = done - self._first, time.monotonic() - self._started
        left = f", {spent / fresh * (total - done):.0f} s left" if fresh else ""
        print(f"\r{done}/{total} frames{left}   ", end="", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
