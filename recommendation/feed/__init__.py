"""Input functions: from timelines to batches."""
