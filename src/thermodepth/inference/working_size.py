"""What a network may be shown, next to the sizes that it was trained at.

Things have another size in pixels there than any that it has seen; nothing in the maps would say so.
"""

from __future__ import annotations

#: Of what a network sees, whatever it is asked for.
LEAST_SIDE = 32
#: Times the largest training size; up to it, what is larger than in training is still like it.
FAR_ABOVE = 1.5


def size_note(short_side: int, trained: tuple[int, int]) -> str:
    """What is to be said of a working size; an empty text where it is like the training's.

    Args:
        short_side: pixels of the shorter side that the network sees.
        trained: the least and the most of that in training.
    """
    shortest, longest = trained
    sizes = f"{shortest}" if shortest == longest else f"{shortest} to {longest}"
    if short_side < shortest:
        return (
            f"the network sees a short side of {short_side} pixels, below the {sizes} of its training: small "
            "things are lost and depth is less sure than its figures say. Give a short side of "
            f"{shortest} or more, or train with a smaller data.augmentation.size_least"
        )
    if short_side > FAR_ABOVE * longest:
        return (
            f"the network sees a short side of {short_side} pixels, far above the {sizes} of its training: "
            "things are larger there than any that it has seen, and their shape may fall apart. Give a short "
            f"side of about {longest}, or train with a larger data.augmentation.size_most"
        )
    return ""


def network_size(size: tuple[int, int], short_side: int) -> tuple[int, int]:
    """(rows, columns) that a network sees of a frame: the aspect is kept.

    Sides are rounded by whole numbers, halves to the even one, so that every program that does so agrees.
    """
    shorter = min(size)
    sides = []
    for side in size:
        quotient, rest = divmod(2 * side * short_side + shorter, 2 * shorter)
        sides.append(max(quotient - (rest == 0 and quotient % 2), LEAST_SIDE))
    return sides[0], sides[1]
