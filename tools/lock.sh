#!/usr/bin/env bash
# Writes the files of locks/ anew from setup.py, keeping the versions that still fit.
# Arguments go to `uv pip compile`: `--upgrade`, `--upgrade-package NAME`.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
python3=.venv/bin/python
eval "$("$python3" tools/pip_settings.py)"

compile() {
  local output=$1
  shift
  .tools/uv/bin/uv pip compile --quiet --generate-hashes --no-annotate \
    --custom-compile-command "make lock" --output-file "locks/$output" "$@"
}

extras=(--extra pipeline --extra device --extra notebooks --extra dev)
# LiteRT has no wheels for a glibc before 2.27; everything else loads from 2.17 on.
compile tfx-1.16.txt setup.py "${extras[@]}" \
  --python-version 3.10 --python-platform x86_64-manylinux_2_28 "$@"
compile tfx-1.21.txt setup.py "${extras[@]}" --python-version 3.11 --universal "$@"
# What builds the packages that have no wheel (pyfarmhash, dill).
compile build.txt --universal --python-version 3.10 "$@" - <<<$'setuptools<81\nwheel'
compile uv.txt --universal --python-version 3.8 "$@" - <<<'uv'
# The last protoc whose Python code loads on protobuf 3.20 as well as on 6.
compile protoc.txt --python-version 3.10 "$@" - \
  <<<$'grpcio-tools==1.50.0\nsetuptools<81'
