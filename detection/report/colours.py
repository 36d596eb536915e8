"""A colour for every class: distinct, told apart with any colour vision, and the same from run to run."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator

Colour = tuple[int, int, int]  # RGB, 0..255

# Okabe and Ito's palette for all colour vision (2008), without its black, which is lost on photographs.
PALETTE: tuple[Colour, ...] = (
    (230, 159, 0),  # orange
    (86, 180, 233),  # sky blue
    (0, 158, 115),  # bluish green
    (240, 228, 66),  # yellow
    (0, 114, 178),  # blue
    (213, 94, 0),  # vermillion
    (204, 121, 167),  # reddish purple
)
BLACK: Colour = (0, 0, 0)
WHITE: Colour = (255, 255, 255)


def class_colours(names: Iterable[str]) -> dict[str, Colour]:
    """A colour for every class name.

    A name asks for the colour that its own letters choose and takes the next free one where another class was first,
    so that a class tends to keep its colour from model to model. Seven classes share no colour; then the palette
    comes again lighter, then darker: 21 colours, after which they repeat and the label tells classes apart.
    """
    chosen: dict[str, Colour] = {}
    rounds = _rounds()
    free: list[Colour | None] = []
    for name in dict.fromkeys(names):
        if not any(free):
            free = list(next(rounds))
        slot = zlib.crc32(name.encode("utf-8", "surrogatepass")) % len(free)
        while (colour := free[slot]) is None:
            slot = (slot + 1) % len(free)
        chosen[name], free[slot] = colour, None
    return chosen


def text_colour(background: Colour) -> Colour:
    """Black or white, whichever reads better on ``background`` (WCAG 2 contrast ratio)."""
    luminance = relative_luminance(background)
    return BLACK if (luminance + 0.05) ** 2 > 1.05 * 0.05 else WHITE


def relative_luminance(colour: Colour) -> float:
    """WCAG 2 relative luminance of an sRGB colour, 0 (black) to 1 (white)."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (value / 255 for value in colour)]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def css(colour: Colour) -> str:
    """The colour as CSS writes it, ``#rrggbb``."""
    return "#{:02x}{:02x}{:02x}".format(*colour)


def _rounds() -> Iterator[tuple[Colour, ...]]:
    while True:
        yield PALETTE
        yield tuple(_blend(colour, WHITE) for colour in PALETTE)
        yield tuple(_blend(colour, BLACK) for colour in PALETTE)


def _blend(colour: Colour, towards: Colour, share: float = 0.45) -> Colour:
    red, green, blue = (round(c + (t - c) * share) for c, t in zip(colour, towards, strict=True))
    return red, green, blue
