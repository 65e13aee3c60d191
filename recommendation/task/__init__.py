"""Model Maker's `Recommendation` task."""
