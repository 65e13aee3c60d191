"""Finds a pushed model: the latest, by version, or by what is on the device."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

from ondevice_rec.lineage import by_time, digest, facts, runs, tfx_names
from ondevice_rec.lineage.errors import LineageError
from ondevice_rec.lineage.graph import ArtifactNode
from ondevice_rec.lineage.store import Store

_SHOWN = 10
_LOOKED_AT = (facts.PUSHED, facts.PUSHED_VERSION, facts.MODEL_SHA256)
# Fewer digits of a sha256 are taken for a mistake.
_MIN_DIGITS = 8
# Unix seconds, of this millennium's first half.
_VERSION = re.compile(r"\d{9,11}")


def find(store: Store, wanted: str | None = None) -> ArtifactNode:
    """The artifact of a pushed model.

    Args:
      store: The store.
      wanted: A version, a model file's sha256 or at least eight digits that it begins
        with, or the path of a `.tflite` file; None for the latest version. Of several
        versions with the same model, the latest.

    Raises:
      LineageError: there is no such model; the message lists the versions there are.
    """
    if wanted and _is_path(wanted):
        on_device = _sha256_of(wanted)
        return _named(store, on_device, f"{wanted} (sha256 {on_device})")
    return named(store, wanted)


def named(store: Store, wanted: str | None) -> ArtifactNode:
    """As `find`, but reads no file: whatever is wanted, it is no path."""
    return _named(store, wanted, repr(wanted))


def pushed(store: Store) -> Iterator[ArtifactNode]:
    """Models that were pushed, latest first; with version and sha256 alone."""
    for artifact in store.artifacts_of_type(tfx_names.PUSHED_MODEL, *_LOOKED_AT):
        if artifact.number(facts.PUSHED) == 1:
            yield artifact


def _named(store: Store, wanted: str | None, shown: str) -> ArtifactNode:
    if wanted is not None and _VERSION.fullmatch(wanted):
        # The place is known; only what is not there is looked for everywhere.
        for artifact in by_time.pushed_versions(store, int(wanted)):
            if artifact.number(facts.PUSHED) == 1 and _is(artifact, wanted):
                return artifact
    known: list[str] = []
    for artifact in pushed(store):
        if wanted is None or _is(artifact, wanted):
            return store.artifacts([artifact.id])[0]
        if len(known) <= _SHOWN:
            known.append(artifact.text(facts.PUSHED_VERSION) or f"#{artifact.id}")
    if not known:
        raise LineageError(_why_nothing(store))
    versions = ", ".join(known[:_SHOWN]) + (", ..." if known[_SHOWN:] else "")
    raise LineageError(
        f"No model pushed by {store.name} is {shown}: it must be a version, a sha256 "
        f"(at least {_MIN_DIGITS} digits) or a .tflite file. Versions, latest first: "
        f"{versions}."
    )


def _sha256_of(path: str) -> str:
    try:
        return digest.of_file(path)
    except OSError as error:
        raise LineageError(
            f"{path} cannot be read: {error.strerror}. Name a model file, or a "
            "version or sha256 of a pushed model."
        ) from error


def _is_path(wanted: str) -> bool:
    return os.path.isfile(wanted) or os.sep in wanted or wanted.endswith(".tflite")


def _is(artifact: ArtifactNode, wanted: str) -> bool:
    if artifact.text(facts.PUSHED_VERSION) == wanted:
        return True
    if not re.fullmatch(rf"[0-9a-f]{{{_MIN_DIGITS},64}}", wanted):
        return False
    return (artifact.text(facts.MODEL_SHA256) or "").startswith(wanted)


def _why_nothing(store: Store) -> str:
    """Says why a store has no pushed model."""
    latest = next(runs.runs(store), None)
    if latest is None:
        return (
            f"{store.name} holds no run yet. Run a pipeline first: ondevice-rec run "
            "CONFIG.yaml"
        )
    nodes = ", ".join(latest.nodes) or "none"
    return (
        f"No run of {store.name} has pushed a model. The latest, {latest.name} of "
        f"pipeline {latest.pipeline}: {latest.state} (components: {nodes}). See "
        "`ondevice-rec lineage runs`."
    )
