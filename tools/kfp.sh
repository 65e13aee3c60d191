#!/usr/bin/env bash
# Makes .tools/kfp, an environment for Kubeflow Pipelines' SDK alone, from its committed
# lock. The project compiles without it; it loads, checks and submits what was compiled.
# Nothing is done when it already stands for this very lock.
#   tools/kfp.sh          makes the environment
#   tools/kfp.sh lock     writes the lock anew; arguments go to `uv pip compile`
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
uv=.tools/uv/bin/uv environment=.tools/kfp
lock=locks/kfp/kfp-2.txt
settings=$(.venv/bin/python tools/pip_settings.py)
eval "$settings"

if [ "${1:-}" = lock ]; then
  exec "$uv" pip compile --quiet --generate-hashes --no-annotate --universal \
    --python-version 3.10 --custom-compile-command "tools/kfp.sh lock" \
    --output-file "$lock" locks/kfp/kfp-2.in "${@:2}"
fi

stamp=$(cat tools/kfp.sh "$lock" | sha256sum)
if [ "$(cat "$environment/.setup" 2>/dev/null)" = "$stamp" ]; then
  exit 0
fi
"$uv" venv --quiet --clear --python .venv/bin/python "$environment"
"$uv" pip sync --quiet --python "$environment/bin/python" --require-hashes "$lock"
printf '%s\n' "$stamp" >"$environment/.setup"
