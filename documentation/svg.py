"""Drawing as text: a small SVG with a white card, so that it reads on light and dark pages."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

INK, SOFT, LINE = "#1b1b1f", "#5c5c66", "#d5d5dc"
BLUE, PALE, GREEN, RED = "#2f5fb3", "#c9d8f0", "#2e7d43", "#b3261e"
CHARACTER = 7.3
"""Width of a monospaced character at 12 pixels."""


def picture(width: int, height: int, title: str, parts: Iterable[str]) -> str:
    """A whole file; `title` is what a screen reader says."""
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img">',
            f"<title>{escape(title)}</title>",
            rect(0, 0, width, height, "#ffffff"),
            *parts,
            "</svg>",
            "",
        ]
    )


def text(
    x: float, y: float, words: str, *, colour: str = INK, bold: bool = False, size: int = 13
) -> str:
    """Words, the baseline at `y`."""
    weight = ' font-weight="600"' if bold else ""
    return (
        f'<text x="{x:g}" y="{y:g}" font-family="system-ui, sans-serif" font-size="{size}"'
        f'{weight} fill="{colour}">{escape(words)}</text>'
    )


def mono(x: float, y: float, words: str, *, colour: str = INK) -> str:
    """Code, the baseline at `y`."""
    return (
        f'<text x="{x:g}" y="{y:g}" font-family="ui-monospace, monospace" font-size="12"'
        f' fill="{colour}">{escape(words)}</text>'
    )


def rect(x: float, y: float, width: float, height: float, fill: str, stroke: str = "none") -> str:
    """A box with slightly rounded corners."""
    return (
        f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="3"'
        f' fill="{fill}" stroke="{stroke}"/>'
    )


def line(x1: float, y1: float, x2: float, y2: float, colour: str = SOFT) -> str:
    """A straight line."""
    return (
        f'<line x1="{x1:g}" y1="{y1:g}" x2="{x2:g}" y2="{y2:g}" stroke="{colour}"'
        ' stroke-width="1.5"/>'
    )


def arrow(x1: float, y: float, x2: float, colour: str = SOFT) -> str:
    """A level line with a head at its right end."""
    head = f"{x2:g},{y:g} {x2 - 7:g},{y - 4:g} {x2 - 7:g},{y + 4:g}"
    return line(x1, y, x2 - 6, y, colour) + f'<polygon points="{head}" fill="{colour}"/>'


def area(points: Sequence[tuple[float, float]], fill: str) -> str:
    """A filled outline."""
    shown = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return f'<polygon points="{shown}" fill="{fill}"/>'


def shortened(words: str, most: int) -> str:
    """At most so many characters."""
    return words if len(words) <= most else words[: most - 1].rstrip() + "…"
