"""Artifact types of our own, beside TFX's standard ones.

TFX compiles for Kubeflow only types whose names are NAMESPACE.NAME.
"""

from tfx.types import artifact


class ItemCatalogue(artifact.Artifact):
    """What is known of the items: `items.parquet`.

    Columns `item` (string, the key, unique), `title` (string, the key where there is
    none), then the catalogue's feature columns. No rows without a catalogue.
    """

    TYPE_NAME = "ondevice_rec.ItemCatalogue"


class IngestionReport(artifact.Artifact):
    """What became of the rows of the log: `report.json`."""

    TYPE_NAME = "ondevice_rec.IngestionReport"
