"""The page about a run: facts from ML Metadata and artifacts, plots, HTML."""
