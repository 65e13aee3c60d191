"""Fetches MovieLens-1M, as Model Maker's example generation does."""

from __future__ import annotations

import logging
import os
import shutil
import tempfile
import zipfile

import keras

from ondevice_rec.schemas.errors import UserError

logger = logging.getLogger("ondevice_rec.movielens")

# From `data/example_generation_movielens.py` in tensorflow/examples.
URL = "https://files.grouplens.org/datasets/movielens/ml-1m.zip"
SHA256 = "a6898adb50b9ca05aa231689da44c217cb524e7ebd39d264c56e2832f2c54e20"
FOLDER = "ml-1m"


def download_and_extract(
    download_dir: str, url: str = URL, sha256: str = SHA256, folder: str = FOLDER
) -> str:
    """Downloads and extracts the data set, unless it is there already.

    Args:
      download_dir: Where to keep it; the zip lies in its sub-folder `datasets`.
      url: Where the zip comes from.
      sha256: What the zip must be.
      folder: Folder in the zip that holds the files.

    Returns:
      `{download_dir}/datasets/{folder}`.

    Raises:
      UserError: the zip cannot be fetched or written, or is another one.
    """
    extracted = os.path.join(download_dir, "datasets", folder)
    if os.path.isdir(extracted):
        return extracted
    zip_name = os.path.basename(url)
    place = os.path.join(download_dir, "datasets", zip_name)
    try:
        os.makedirs(os.path.dirname(place), exist_ok=True)
        keras.utils.get_file(
            fname=zip_name,
            origin=url,
            file_hash=sha256,
            hash_algorithm="sha256",
            cache_dir=download_dir,
        )
    # Keras wraps network errors in a bare Exception, a wrong hash in a ValueError.
    except Exception as error:
        raise UserError(
            f"{url} could not be fetched into {place}: {error} Check the connection, "
            f"or put the file there yourself (sha256 {sha256})."
        ) from error
    _extract(place, folder, extracted)
    return extracted


def _extract(place: str, folder: str, extracted: str) -> None:
    """Extracts beside the goal, so that an interrupted extraction leaves none."""
    staging = tempfile.mkdtemp(dir=os.path.dirname(extracted))
    try:
        with zipfile.ZipFile(place) as archive:
            archive.extractall(staging)
        if not os.path.isdir(os.path.join(staging, folder)):
            raise UserError(f"{place} holds no folder {folder}. Remove it.")
        os.replace(os.path.join(staging, folder), extracted)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    logger.info("extracted %s", extracted)
