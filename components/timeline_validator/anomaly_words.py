"""What ExampleValidator found, in words."""

from __future__ import annotations

from tensorflow_metadata.proto.v0 import anomalies_pb2


def words(content: bytes, split: str) -> list[str]:
    """The anomalies of one split, as "item (test): Column dropped".

    Args:
      content: Of its `SchemaDiff.pb`.
      split: Its name.
    """
    found = anomalies_pb2.Anomalies.FromString(content)
    of_all = found.HasField("dataset_anomaly_info")
    return [
        *([f"{split}: {found.dataset_anomaly_info.description}"] if of_all else []),
        *(
            f"{feature} ({split}): {info.description}"
            for feature, info in sorted(found.anomaly_info.items())
        ),
    ]
