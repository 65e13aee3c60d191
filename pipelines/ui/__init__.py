"""Web pages about a store, only to be read."""
