"""The whole pipeline on MovieLens-100K."""
