#!/usr/bin/env bash
# Generates schemas/*_pb2.py and .pyi from the protos, with the protoc of locks/protoc.txt.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
uv=.tools/uv/bin/uv
eval "$(.venv/bin/python tools/pip_settings.py)"

# That protoc has no wheels for newer Pythons.
if ! .venv/bin/python -c 'import sys; sys.exit(sys.version_info[:2] != (3, 10))'; then
  echo "protos: needs .venv to be of Python 3.10: make clean; make setup PYTHON=..." >&2
  exit 1
fi
"$uv" venv --quiet --clear --python .venv/bin/python .tools/protoc
"$uv" pip sync --quiet --python .tools/protoc/bin/python --require-hashes locks/protoc.txt

generated=$(mktemp -d)
trap 'rm -rf "$generated"' EXIT
# As the package sees them: `import "ondevice_rec/schemas/input_spec.proto"`.
.tools/protoc/bin/python -W ignore -m grpc_tools.protoc -Iondevice_rec/schemas=schemas \
  --python_out="$generated" --pyi_out="$generated" schemas/*.proto
mv "$generated"/ondevice_rec/schemas/*_pb2.py* schemas/
