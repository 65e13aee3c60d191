"""Loads logs and data sets for training."""
