"""Compares what lies on disk with what the store says was written."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ondevice_rec.lineage import connection, digest, facts, serving, tfx_names
from ondevice_rec.lineage.graph import ArtifactNode
from ondevice_rec.lineage.store import Store

MISSING = "missing"
ALTERED = "altered"
ADDED = "added"

_MANIFEST = "manifest.json"
_MODEL = "model.tflite"


@dataclass(frozen=True)
class Finding:
    """A file or folder that is not as it was written.

    Attributes:
      problem: "missing", "altered" or, of a file beside a version's own, "added".
      path: The file or folder.
      artifact: Id of the artifact it belongs to.
      type: The artifact's.
    """

    problem: str
    path: str
    artifact: int
    type: str


@dataclass(frozen=True)
class Verification:
    """What was compared.

    Attributes:
      findings: What is not as it was written; empty where all is well.
      intact: Number of artifacts whose digest is the recorded one.
      versions: Number of pushed versions that were compared.
      removed: Folders of versions that are gone while another one is served there, as
        `keep_versions` leaves them.
      not_covered: Type -> number of artifacts that cannot be compared: no digest is
        recorded, as by TFX's own components, or they are not in a local folder.
    """

    findings: Sequence[Finding]
    intact: int
    versions: int
    removed: Sequence[str]
    not_covered: Mapping[str, int]


def verify(store: Store) -> Verification:
    """Recomputes the digest of every live artifact and of every pushed version."""
    findings: list[Finding] = []
    not_covered: Counter[str] = Counter()
    removed: list[str] = []
    intact = versions = 0
    for artifact in store.all_artifacts():
        if not artifact.live or not artifact.uri:
            continue
        recorded = artifact.text(facts.CONTENT_SHA256)
        if connection.is_url(artifact.uri):
            not_covered[artifact.type] += 1
        elif not os.path.exists(artifact.uri):
            findings.append(_finding(MISSING, artifact.uri, artifact))
        elif recorded is None:
            not_covered[artifact.type] += 1
        elif digest.of_folder(artifact.uri) != recorded:
            findings.append(_finding(ALTERED, artifact.uri, artifact))
        else:
            intact += 1
        if not _is_version(artifact):
            continue
        folder = artifact.text(facts.PUSHED_DESTINATION) or ""
        if connection.is_url(folder):
            not_covered["remote version"] += 1
        elif os.path.isdir(folder):
            versions += 1
            findings += _version(artifact, folder)
        elif serving.served(os.path.dirname(folder)):
            removed.append(folder)
        else:
            findings.append(_finding(MISSING, folder, artifact))
    # Oldest first, as they were written.
    findings.sort(key=lambda finding: (finding.artifact, finding.path))
    return Verification(
        findings, intact, versions, removed[::-1], dict(sorted(not_covered.items()))
    )


def _is_version(artifact: ArtifactNode) -> bool:
    """Whether it is a version whose files' digests are known."""
    return (
        artifact.type == tfx_names.PUSHED_MODEL
        and artifact.number(facts.PUSHED) == 1
        and artifact.text(facts.MODEL_SHA256) is not None
    )


def _version(artifact: ArtifactNode, folder: str) -> Iterator[Finding]:
    """Compares a version folder with the manifest that was kept with the artifact."""
    expected = {
        # The store knows the model itself; the manifest knows the other files.
        **_manifest_digests(artifact, folder),
        _MODEL: artifact.text(facts.MODEL_SHA256),
    }
    present = set(digest.files(folder))
    for name, wanted in sorted(expected.items()):
        path = os.path.join(folder, name)
        if name not in present:
            yield _finding(MISSING, path, artifact)
        elif wanted is not None and digest.of_file(path) != wanted:
            yield _finding(ALTERED, path, artifact)
    for name in sorted(present - expected.keys()):
        yield _finding(ADDED, os.path.join(folder, name), artifact)


def _manifest_digests(artifact: ArtifactNode, folder: str) -> dict[str, str | None]:
    """Digests by file: of the artifact's copy of the manifest, else the version's."""
    kept = os.path.join(artifact.uri, _MANIFEST)
    for path in (kept, os.path.join(folder, _MANIFEST)):
        manifest = _read(path)
        if manifest is not None:
            own = digest.of_file(kept) if path == kept else None
            files = manifest["files"].items()
            return {_MANIFEST: own} | {name: of.get("sha256") for name, of in files}
    return {_MANIFEST: None}


def _read(path: str) -> dict[str, Any] | None:
    """A manifest; None where it is not there or is none."""
    try:
        with open(path, encoding="utf-8") as file:
            found = json.load(file)
    except (OSError, ValueError):
        return None
    files = found.get("files") if isinstance(found, dict) else None
    is_manifest = isinstance(files, dict) and all(
        isinstance(described, dict) for described in files.values()
    )
    return found if is_manifest else None


def _finding(problem: str, path: str, artifact: ArtifactNode) -> Finding:
    return Finding(problem, path, artifact.id, artifact.type)
