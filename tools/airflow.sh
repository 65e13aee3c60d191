#!/usr/bin/env bash
# Makes an environment with Airflow from its committed lock. Nothing is done when it
# already stands for that very lock.
#
#   tools/airflow.sh       .tools/airflow: a current Airflow alone
#   tools/airflow.sh tfx   .tools/airflow-tfx: Airflow 2.11 beside TFX and this project
#   tools/airflow.sh lock  the locks anew; arguments go to `uv pip compile`
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
uv=.tools/uv/bin/uv
settings=$(.venv/bin/python tools/pip_settings.py)
eval "$settings"

compile() {
  "$uv" pip compile --quiet --generate-hashes --no-annotate --no-strip-markers \
    --custom-compile-command "tools/airflow.sh lock" --python-version 3.10 "$@"
}
make() {
  local environment=$1 lock=$2 stamp
  stamp=$(cat tools/airflow.sh "$lock" | sha256sum)
  if [ "$(cat "$environment/.setup" 2>/dev/null)" = "$stamp" ]; then
    exit 0
  fi
  "$uv" venv --quiet --clear --python .venv/bin/python "$environment"
  "$uv" pip sync --quiet --python "$environment/bin/python" --require-hashes \
    --build-constraints locks/build.txt "$lock"
  if [ "${3:-}" ]; then
    "$uv" pip install --quiet --python "$environment/bin/python" --no-deps -e .
  fi
  printf '%s\n' "$stamp" >"$environment/.setup"
}

case "${1:-alone}" in
  alone) make .tools/airflow locks/airflow/airflow-3.txt ;;
  tfx) make .tools/airflow-tfx locks/airflow/airflow-2.txt with-project ;;
  lock)
    shift
    compile --universal --output-file locks/airflow/airflow-3.txt \
      locks/airflow/airflow-3.in "$@"
    # uv keeps the versions that it finds: what the project's own lock has, wherever
    # Airflow takes it too.
    cp locks/tfx-1.16.txt locks/airflow/airflow-2.txt
    compile --python-platform x86_64-manylinux_2_28 \
      --output-file locks/airflow/airflow-2.txt \
      setup.py --extra pipeline locks/airflow/airflow-2.in "$@"
    ;;
  *)
    echo "airflow.sh: alone, tfx or lock, received $1" >&2
    exit 2
    ;;
esac
