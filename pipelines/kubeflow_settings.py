"""What nodes need on Kubeflow, from the options of the command line."""

from __future__ import annotations

import argparse
import dataclasses
import re
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from ondevice_rec.schemas.errors import UserError

# Stores that Kubeflow Pipelines copies artifacts to and from.
STORES = ("gs://", "s3://", "minio://")
EXAMPLE_IMAGE = "europe-docker.pkg.dev/PROJECT/REPOSITORY/ondevice-rec:0.1.0"

# Of the reference's grammar (github.com/distribution/reference).
_COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_HOST = r"[a-zA-Z0-9](?:[a-zA-Z0-9.-]*[a-zA-Z0-9])?(?::[0-9]+)?"
_IMAGE = re.compile(
    rf"(?:{_HOST}/)?{_COMPONENT}(?:/{_COMPONENT})*"
    r"(?::\w[\w.-]{0,127})?(?:@sha256:[0-9a-f]{64})?"
)
_UNITS = {"G": 1.0, "Gi": 2**30 / 1e9, "M": 1e-3, "Mi": 2**20 / 1e9}
# RFC 1123, as Kubernetes names claims.
_CLAIM = re.compile(r"[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?")

Value = TypeVar("Value")


@dataclasses.dataclass(frozen=True)
class Resources:
    """What a container requests, which is also its limit.

    Attributes:
      cpus: Number of CPUs.
      memory: Gigabytes (10^9 bytes).
    """

    cpus: float
    memory: float


@dataclasses.dataclass(frozen=True)
class Settings:
    """How nodes run on the cluster.

    Attributes:
      root: URL that artifacts are written under, without a slash at the end.
      image: Image of the nodes.
      retries: How often a node that failed is tried again.
      images: Images of single nodes.
      resources: What single nodes are given; others have their defaults.
      volumes: Claim -> folder in every container.
    """

    root: str
    image: str
    retries: int = 2
    images: Mapping[str, str] = dataclasses.field(default_factory=dict)
    resources: Mapping[str, Resources] = dataclasses.field(default_factory=dict)
    volumes: Mapping[str, str] = dataclasses.field(default_factory=dict)

    def mounted(self, path: str) -> bool:
        """Whether a path lies on one of the volumes."""
        return any(
            path == folder or path.startswith(folder.rstrip("/") + "/")
            for folder in self.volumes.values()
        )


def parse(arguments: argparse.Namespace) -> Settings:
    """Reads and checks the options.

    Args:
      arguments: Those of `kubeflow_arguments`, `root` and `retries`.

    Raises:
      UserError: One is missing or impossible.
    """
    images = _by_name("--image", arguments.image, _image, unnamed=True)
    image = images.pop("", None)
    if image is None:
        raise UserError(
            "--target kubeflow needs --image: the image that nodes run in, such as "
            f"{EXAMPLE_IMAGE}. Build and push it: see docs/kubeflow.md."
        )
    return Settings(
        root=_root(arguments.root),
        image=image,
        retries=arguments.retries,
        images=images,
        resources=_by_name("--resources", arguments.resources, _resources),
        volumes=_by_name("--volume", arguments.volume, _folder, name=_claim),
    )


def _root(root: str | None) -> str:
    if root is None:
        raise UserError(
            "--target kubeflow needs --root: the URL of a folder that the cluster "
            "writes artifacts under, such as gs://BUCKET/recommender."
        )
    if not root.startswith(STORES):
        raise UserError(
            f"--root must be in a store that the cluster reaches, {', '.join(STORES)}; "
            f"received {root}. Nodes run in containers, whose own files are gone when "
            "they end."
        )
    scheme, _, rest = root.partition("://")
    if not rest.strip("/"):
        raise UserError(f"--root must name a bucket, as {scheme}://BUCKET/FOLDER.")
    return root.rstrip("/")


def _by_name(
    option: str,
    given: Sequence[str] | None,
    parse_value: Callable[[str], Value],
    unnamed: bool = False,
    name: Callable[[str], str] = str,
) -> dict[str, Value]:
    """Values of an option that may be given several times, as NAME=VALUE."""
    found: dict[str, Value] = {}
    for text in given or ():
        key, sign, value = text.partition("=")
        if not sign and unnamed:
            key, value = "", text
        elif not (key and sign and value):
            raise UserError(f"{option} must be NAME=VALUE, received {text!r}.")
        if key in found:
            raise UserError(
                f"{option} is given twice{' for ' + key if key else ''}: choose one."
            )
        found[name(key)] = parse_value(value)
    return found


def _image(text: str) -> str:
    if not _IMAGE.fullmatch(text):
        raise UserError(
            f"--image: {text!r} is no name of an image. Write it as "
            f"[HOST/]PATH[:TAG], in small letters, such as {EXAMPLE_IMAGE}."
        )
    return text


def _resources(text: str) -> Resources:
    match = re.fullmatch(r"(\d+(?:\.\d+)?),(\d+(?:\.\d+)?)(Gi?|Mi?)", text)
    if match is None or not (float(match[1]) and float(match[2])):
        raise UserError(
            "--resources must be NODE=CPUS,MEMORY, the memory in G, Gi, M or Mi, such "
            f"as RecommendationTrainer=8,32G; received {text!r}."
        )
    return Resources(float(match[1]), round(float(match[2]) * _UNITS[match[3]], 6))


def _folder(text: str) -> str:
    if not text.startswith("/") or text.rstrip("/") == "":
        raise UserError(
            "--volume must be CLAIM=DIR, DIR a folder such as /data; received "
            f"{text!r}."
        )
    return text.rstrip("/")


def _claim(text: str) -> str:
    if not _CLAIM.fullmatch(text):
        raise UserError(
            f"--volume: {text!r} is no name of a PersistentVolumeClaim. `kubectl get "
            "pvc` lists them."
        )
    return text
