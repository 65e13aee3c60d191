"""ActivityExampleGen: from a log of activity to timelines."""
