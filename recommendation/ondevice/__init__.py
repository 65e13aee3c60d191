"""Version folders: what is pushed, how it is published, and how it is used."""
