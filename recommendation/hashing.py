"""Numbers that look random and are the same everywhere."""

from __future__ import annotations

import numpy as np

# Steps of SplitMix64's counter: 2^64 over the golden ratio.
GOLDEN = np.uint64(0x9E3779B97F4A7C15)


def mix(words: np.ndarray) -> np.ndarray:
    """Makes every bit of a word depend on all of its bits.

    SplitMix64's finaliser (Steele, Lea and Flood, "Fast splittable pseudorandom number
    generators", 2014).

    Args:
      words: uint64, at least one-dimensional.

    Returns:
      uint64 of the same shape; different words stay different.
    """
    words = (words ^ (words >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    words = (words ^ (words >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return words ^ (words >> np.uint64(31))
