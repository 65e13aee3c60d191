"""The demo: MovieLens-100K to recommendations by title. `make demo` runs it."""

from __future__ import annotations

import os
import shutil
import sys
from importlib import resources

from ondevice_rec.pipelines import cli
from ondevice_rec.pipelines.demo import movielens
from ondevice_rec.schemas import errors

ROOT = os.path.join("runs", "demo")
CONFIG = "movielens-100k.yaml"
SCHEMA = "movielens-100k.pbtxt"
# Star Wars, The Empire Strikes Back, Return of the Jedi.
HISTORY = "50,172,181"


def main() -> int:
    """Obtains the data, runs the pipeline, and asks the pushed model.

    Returns:
      The exit code of the first step that failed, or 0.
    """
    try:
        movielens.obtain(os.path.join(ROOT, "data"))
    except errors.UserError as error:
        print(f"demo: {error}", file=sys.stderr)
        return 2
    demo = resources.files("ondevice_rec.pipelines.demo")
    schemas = resources.files("ondevice_rec.schemas")
    for source, name in (
        (demo / CONFIG, CONFIG),
        (schemas / "timeline_schema.pbtxt", SCHEMA),
    ):
        with resources.as_file(source) as path:
            shutil.copyfile(path, os.path.join(ROOT, name))
    config = os.path.join(ROOT, CONFIG)
    failed = cli.main(["run", config, "--root", ROOT])
    if failed:
        return failed
    print()
    serving = os.path.join(ROOT, "serving")
    return cli.main(["recommend", serving, "--history", HISTORY, "--exclude-seen"])


if __name__ == "__main__":
    sys.exit(main())
