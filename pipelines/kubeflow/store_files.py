"""Where Kubeflow Pipelines puts the artifacts of its store in a container."""

from __future__ import annotations

import os
from typing import Any

from google.protobuf import json_format, struct_pb2
from kfp.pipeline_spec import pipeline_spec_pb2
from tfx.dsl.io import fileio

# As `LocalPathForURI` of Kubeflow Pipelines' backend/src/v2/component/launcher_v2.go.
_FOLDERS = {"gs://": "gcs", "minio://": "minio", "s3://": "s3"}


class StoreFiles:
    """Paths of the files that stand for the store's URIs, and back."""

    def __init__(self, root: str | None) -> None:
        """Makes the mapping.

        Args:
          root: Folder of the folders `gcs`, `minio` and `s3`, "/" on a cluster; None
            where artifacts are not copied and executors use the store itself.
        """
        self._folders = (
            {scheme: os.path.join(root, f, "") for scheme, f in _FOLDERS.items()}
            if root
            else {}
        )

    def path(self, uri: str) -> str:
        """Path of an artifact's copy; the URI where it has none."""
        for scheme, folder in self._folders.items():
            if uri.startswith(scheme):
                return folder + uri.removeprefix(scheme)
        return uri

    def uri(self, path: str) -> str:
        """URI of what a path is a copy of; the path where it is none."""
        for scheme, folder in self._folders.items():
            if path.startswith(folder):
                return scheme + path.removeprefix(folder)
        return path

    def restore_file(self, path: str) -> None:
        """Puts URIs for paths in a file, an ExecutorOutput as JSON."""
        if not self._folders:
            return
        with fileio.open(path, "r") as file:
            found = json_format.Parse(file.read(), pipeline_spec_pb2.ExecutorOutput())
        for artifacts in found.artifacts.values():
            for artifact in artifacts.artifacts:
                artifact.uri = self.uri(artifact.uri)
                self._restore(artifact.metadata)
        with fileio.open(path, "w") as file:
            file.write(json_format.MessageToJson(found))

    def _restore(self, metadata: struct_pb2.Struct) -> None:
        values: dict[str, Any] = dict(metadata)
        for name, value in values.items():
            if isinstance(value, str):
                metadata[name] = self.uri(value)
