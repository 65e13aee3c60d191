#!/usr/bin/env bash
# Makes .tools/airflow, an environment for Airflow alone, from its committed lock.
# Nothing is done when it already stands for this very lock.
#   tools/airflow.sh          makes the environment
#   tools/airflow.sh lock     writes the lock anew; arguments go to `uv pip compile`
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
uv=.tools/uv/bin/uv environment=.tools/airflow
lock=locks/airflow/airflow-3.txt
settings=$(.venv/bin/python tools/pip_settings.py)
eval "$settings"

if [ "${1:-}" = lock ]; then
  exec "$uv" pip compile --quiet --generate-hashes --no-annotate --universal \
    --python-version 3.10 --custom-compile-command "tools/airflow.sh lock" \
    --output-file "$lock" locks/airflow/airflow-3.in "${@:2}"
fi

stamp=$(cat tools/airflow.sh "$lock" | sha256sum)
if [ "$(cat "$environment/.setup" 2>/dev/null)" = "$stamp" ]; then
  exit 0
fi
"$uv" venv --quiet --clear --python .venv/bin/python "$environment"
"$uv" pip sync --quiet --python "$environment/bin/python" --require-hashes "$lock"
printf '%s\n' "$stamp" >"$environment/.setup"
