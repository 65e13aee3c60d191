"""Colours by role: plots are drawn in stand-ins, the page says what they are.

So one drawing serves light, dark and paper.
"""

from __future__ import annotations

# Stand-in in the drawing -> the page's CSS variable. No plot has these by chance.
INK = "#0a0b01"
MUTED = "#0a0b02"
RULE = "#0a0b03"
SURFACE = "#0a0b04"
CANDIDATE = "#0a0b11"
BLESSED = "#0a0b12"
MARKOV = "#0a0b13"
POPULARITY = "#0a0b14"

VARIABLES = {
    INK: "var(--ink)",
    MUTED: "var(--muted)",
    RULE: "var(--rule)",
    SURFACE: "var(--surface)",
    CANDIDATE: "var(--candidate)",
    BLESSED: "var(--blessed)",
    MARKOV: "var(--markov)",
    POPULARITY: "var(--popularity)",
}

# Model -> its ink and its mark: colour alone tells nobody everything.
OF_MODEL = {
    "candidate": (CANDIDATE, "o"),
    "blessed": (BLESSED, "s"),
    "markov": (MARKOV, "D"),
    "popularity": (POPULARITY, "^"),
}
OTHER = (MUTED, "v")
