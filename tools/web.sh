#!/usr/bin/env bash
# Fetches LiteRT's web runtime for the page of `ondevice-rec demo` into
# pipelines/web/vendor/, which is not committed and goes into the wheel where it is there.
# npm compares what it fetches with the hashes of locks/web/package-lock.json.
# Nothing is done when the folder already stands for that very lock.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

vendor=pipelines/web/vendor
stamp=$(sha256sum tools/web.sh locks/web/package-lock.json)
if [ "$(cat .tools/web/.setup 2>/dev/null)" = "$stamp" ] && [ -d "$vendor" ]; then
  exit 0
fi
command -v npm >/dev/null || {
  echo "web: no npm, so no page for \`ondevice-rec demo\`: apt install npm; make web" >&2
  exit 1
}
mkdir -p .tools/web
cp locks/web/package*.json .tools/web/
npm ci --prefix .tools/web --ignore-scripts --no-audit --no-fund --loglevel=error \
  --fetch-retries=1 --fetch-timeout=30000 >&2 || {
  echo "web: npm could not fetch LiteRT's web runtime: see above; then: make web" >&2
  exit 1
}

core=.tools/web/node_modules/@litertjs/core
utils=.tools/web/node_modules/@litertjs/wasm-utils
rm -rf "$vendor"
mkdir -p "$vendor"
cp "$core/dist/index.js" "$vendor/litert_core.js"
cp "$utils/dist/index.js" "$vendor/litert_wasm_utils.js"
# On one thread, for browsers with and without relaxed SIMD.
for name in litert_wasm_internal litert_wasm_compat_internal; do
  install -m 644 "$core/wasm/$name.js" "$core/wasm/$name.wasm" "$vendor/"
done
# The maps they name are not shipped.
sed -i '/^\/\/# sourceMappingURL=/d' "$vendor"/litert_*.js
for package in "$core" "$utils"; do
  node -p '(p => `${p.name} ${p.version}, ${p.license}, ${p.repository.url}`)(require(process.argv[1]))' \
    "$PWD/$package/package.json"
done >"$vendor/packages.txt"
printf '%s\n' "$stamp" >.tools/web/.setup
