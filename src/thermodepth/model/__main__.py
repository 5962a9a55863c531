"""`python -m thermodepth.model RUN FOLDER`: a trained model in half precision, for shipping."""

from __future__ import annotations

import sys
from pathlib import Path

from thermodepth.errors import UserError
from thermodepth.model.weights import load_model, resolve_model, save_model


def main(arguments: list[str]) -> int:
    """Copy a model folder with float16 weights; 0 when it is written."""
    if len(arguments) != 2:
        print("usage: python -m thermodepth.model RUN FOLDER", file=sys.stderr)
        return 2
    source, target = arguments
    try:
        model = load_model(resolve_model(source))
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    save_model(Path(target), model.network, model.recipe, half=True)
    print(f"{target}: {sum(p.stat().st_size for p in Path(target).iterdir()) / 1e6:.1f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
