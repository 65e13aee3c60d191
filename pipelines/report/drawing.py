"""Draws with Matplotlib into SVG that takes its colours and letters from the page."""

from __future__ import annotations

import io
import re
import threading
from collections.abc import Callable

import matplotlib
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from ondevice_rec.pipelines.report import inks

_STYLE = {
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 8.5,
    "text.color": inks.INK,
    "axes.edgecolor": inks.RULE,
    "axes.labelcolor": inks.MUTED,
    "axes.titlecolor": inks.INK,
    "axes.titlesize": 9.5,
    "axes.titlelocation": "left",
    "axes.titlepad": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
    "axes.axisbelow": True,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "grid.color": inks.RULE,
    "grid.linewidth": 0.6,
    "xtick.color": inks.RULE,
    "ytick.color": inks.RULE,
    "xtick.labelcolor": inks.MUTED,
    "ytick.labelcolor": inks.MUTED,
    "xtick.major.size": 3,
    "ytick.major.size": 0,
    "xtick.minor.size": 0,
    "ytick.minor.size": 0,
    "lines.linewidth": 1.6,
    "legend.frameon": False,
    "legend.fontsize": 8.5,
    "path.simplify": True,
}
# Settings are the process's: one drawing at a time.
_lock = threading.Lock()


def draw(
    name: str,
    described: str,
    plot: Callable[[Axes], None],
    size: tuple[float, float] = (5.0, 2.7),
) -> Markup:
    """Draws a plot.

    Args:
      name: Unique on the page; prefixed to whatever the drawing names.
      described: What it shows, for those who do not see it.
      plot: Fills the axes.
      size: Width and height, in inches at 96 pixels.

    Returns:
      An `<svg>` element.
    """
    # The same plot gives the same drawing.
    with _lock, matplotlib.rc_context({**_STYLE, "svg.hashsalt": name}):
        figure = Figure(figsize=size, layout="constrained")
        figure.patch.set_alpha(0)
        axes = figure.subplots()
        axes.patch.set_alpha(0)
        plot(axes)
        content = io.StringIO()
        FigureCanvasSVG(figure).print_svg(
            content, metadata={"Date": None, "Creator": None}
        )
    return Markup(_page_svg(name, described, content.getvalue()))


def _page_svg(name: str, described: str, svg: str) -> str:
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    for stand_in, variable in inks.VARIABLES.items():
        svg = svg.replace(stand_in, variable)
    # Names are the whole page's.
    svg = re.sub(r'\bid="', f'id="{name}-', svg)
    svg = re.sub(r'(href="#|url\(#)', rf"\g<1>{name}-", svg)
    # Letters are the page's.
    svg = re.sub(r"font-family: [^;\"]*;? ?", "", svg)
    svg = re.sub(r"font: ([\d.]+px) [^;\"]*;?", r"font-size: \1;", svg)
    label = str(Markup.escape(described))
    head, rest = svg.split(">", 1)
    head = re.sub(r' (width|height)="[^"]*pt"', "", head)
    return f'{head} role="img" aria-label="{label}">{rest}'
