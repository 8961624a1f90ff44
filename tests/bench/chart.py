"""Charts as SVG text: bars and lines, plain enough to read in any viewer, light or dark. Pure."""

import math
from collections.abc import Mapping, Sequence
from html import escape

_COLOURS = ("#2a78d6", "#d9822b", "#e0b252", "#7a8691", "#3f9c6b", "#a05fb4")
_WIDTH = 860
_LEFT = 150
_RIGHT = 90
_BAR = 14

Groups = Sequence[tuple[str, Sequence[tuple[str, float]]]]


def bars(title: str, groups: Groups, *, log: bool = False) -> str:
    """Horizontal bars in groups, each with its value; with `log` on a logarithmic scale."""
    names = list(dict.fromkeys(name for _, rows in groups for name, _ in rows))
    most = max((value for _, rows in groups for _, value in rows), default=1.0)
    parts, y = _legend(names), 64
    for label, rows in groups:
        parts.append(_text(_LEFT - 8, y + _BAR * len(rows) / 2 + 4, label, "end"))
        for name, value in rows:
            width = _share(value, most, log=log) * (_WIDTH - _LEFT - _RIGHT)
            colour = _COLOURS[names.index(name) % len(_COLOURS)]
            parts.append(f'<rect x="{_LEFT}" y="{y}" width="{width:.1f}" height="{_BAR - 2}" fill="{colour}"/>')
            parts.append(_text(_LEFT + width + 4, y + 10, f"{value:,.0f}", size=10))
            y += _BAR
        y += 12
    return _document(title + (", logarithmic" if log else ""), parts, y + 8)


def lines(title: str, series: Mapping[str, Sequence[tuple[float, float]]]) -> str:
    """Lines over logarithmic axes, with the value at each point."""
    points = [point for row in series.values() for point in row]
    least_x, most_x = min(x for x, _ in points), max(x for x, _ in points)
    least_y, most_y = min(y for _, y in points), max(y for _, y in points)
    height, top = 320, 80
    parts = _legend(list(series))

    def place(x: float, y: float) -> tuple[float, float]:
        across = math.log(x / least_x) / (math.log(most_x / least_x) or 1)
        up = math.log(y / least_y) / (math.log(most_y / least_y) or 1)
        return _LEFT + across * (_WIDTH - _LEFT - _RIGHT), top + height * (1 - up)

    for number, row in enumerate(series.values()):
        colour = _COLOURS[number % len(_COLOURS)]
        places = [place(x, y) for x, y in row]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        for (x, y), (_, value) in zip(places, row, strict=True):
            parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>')
            parts.append(_text(x + 6, y - 4, f"{value:.2f}", size=10))
    parts += [
        _text(place(x, least_y)[0], top + height + 24, f"{x:,.0f}", "middle") for x in sorted({x for x, _ in points})
    ]
    return _document(title, parts, top + height + 40)


def _share(value: float, most: float, *, log: bool) -> float:
    if not log:
        return value / most if most else 0.0
    return math.log1p(value) / math.log1p(most) if most else 0.0


def _legend(names: Sequence[str]) -> list[str]:
    parts, x = [], float(_LEFT)
    for number, name in enumerate(names):
        parts.append(f'<rect x="{x:.0f}" y="38" width="10" height="10" fill="{_COLOURS[number % len(_COLOURS)]}"/>')
        parts.append(_text(x + 14, 47, name, size=11))
        x += 30 + 6.4 * len(name)
    return parts


def _text(x: float, y: float, text: str, anchor: str = "start", size: int = 12) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}">{escape(text)}</text>'


def _document(title: str, parts: Sequence[str], height: float) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height:.0f}" font-family="sans-serif" '
        f'role="img" aria-label="{escape(title)}">\n<rect width="100%" height="100%" fill="#ffffff"/>\n'
        f"{_text(_LEFT, 22, title, size=14)}\n" + "\n".join(parts) + "\n</svg>\n"
    )
