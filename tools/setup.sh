#!/usr/bin/env bash
# Makes .venv from the committed lock and installs the project into it, editable.
# Nothing is done when .venv already stands for this very lock.
#
#   make setup                          Python 3.10 and TFX 1.16 wherever there is a 3.10,
#                                       else Python 3.11-3.13 and TFX 1.21 (glibc >= 2.39)
#   make setup PYTHON=/usr/bin/python3  this Python
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

say() { printf 'setup: %s\n' "$*" >&2; }
die() {
  printf 'setup: %s\n' "$@" >&2
  exit 1
}

inputs=(tools/setup.sh setup.py pyproject.toml locks/*.txt)
stamp="$PWD ${PYTHON:-} $(cat "${inputs[@]}" | sha256sum)"
if [ "$(cat .venv/.setup 2>/dev/null)" = "$stamp" ] && [ -x .venv/bin/python ]; then
  exit 0
fi

# Whether the interpreter $1 runs and is one of the versions that follow. A pyenv shim
# is on PATH for versions that it then refuses to run, so run it.
is_python() {
  local version
  version=$("$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null) || return 1
  [[ " ${*:2} " == *" $version "* ]]
}

# Prints the first interpreter of one of the given versions: on PATH, in /usr/local, with
# pyenv. HOME may have been emptied: the account's own home counts too.
find_python() {
  local version candidate home
  home=$(getent passwd "$(id -u)" | cut -d: -f6)
  for version in "$@"; do
    for candidate in \
      "python$version" python3 "/usr/local/bin/python$version" \
      "${PYENV_ROOT:-/nonexistent}/versions/$version".*/bin/python \
      "${HOME:-/nonexistent}/.pyenv/versions/$version".*/bin/python \
      "$home/.pyenv/versions/$version".*/bin/python; do
      if is_python "$candidate" "$version"; then
        "$candidate" -c 'import sys; print(sys.executable)'
        return
      fi
    done
  done
  return 1
}

glibc=$(getconf GNU_LIBC_VERSION 2>/dev/null | cut -d' ' -f2)
glibc=${glibc:-0}
glibc_is_new() { [ "$(printf '%s\n2.39\n' "$glibc" | sort -V | head -n 1)" = 2.39 ]; }

# --- the Python -------------------------------------------------------------------
python="" newer=""
if [ -n "${PYTHON:-}" ]; then
  is_python "$PYTHON" 3.10 3.11 3.12 3.13 ||
    die "PYTHON=$PYTHON is not a Python 3.10, 3.11, 3.12 or 3.13."
  is_python "$PYTHON" 3.10 || glibc_is_new ||
    die "PYTHON=$PYTHON needs TFX 1.21, whose wheels need glibc >= 2.39; this machine has $glibc." \
      "Take a Python 3.10, or a newer system (Debian 13, Ubuntu 24.04)."
  python=$("$PYTHON" -c 'import sys; print(sys.executable)')
elif ! python=$(find_python 3.10); then
  newer=$(find_python 3.13 3.12 3.11) || true
  if [ -n "$newer" ] && glibc_is_new; then
    say "no Python 3.10; glibc $glibc is new enough for TFX 1.21 on $newer"
    python=$newer
  fi
fi

# --- uv ---------------------------------------------------------------------------
has_pip() { "$1" -m pip --version >/dev/null 2>&1; }
pip_python=""
for candidate in python3 ${python:+"$python"} .tools/venv/bin/python; do
  if has_pip "$candidate"; then
    pip_python=$candidate
    break
  fi
done
if [ -z "$pip_python" ]; then
  # Debian's python3-venv carries pip where python3-pip is not installed.
  "${python:-python3}" -m venv .tools/venv >/dev/null 2>&1 && has_pip .tools/venv/bin/python ||
    die "no pip: neither python3 nor ${python:-any other Python} has it, and no virtual environment can be made." \
      "Install it: apt install python3-pip (or python3-venv)."
  pip_python=.tools/venv/bin/python
fi
if [ "$(cat .tools/uv/.setup 2>/dev/null)" != "$(sha256sum <locks/uv.txt)" ]; then
  say "installing uv"
  rm -rf .tools/uv
  # --target may be used where pip otherwise refuses (PEP 668), but not with --user.
  PIP_USER=0 PIP_REQUIRE_VIRTUALENV=0 PIP_ROOT_USER_ACTION=ignore "$pip_python" -m pip install --quiet \
    --disable-pip-version-check --require-hashes --only-binary :all: \
    --target .tools/uv -r locks/uv.txt ||
    die "pip could not install uv: see above. Is the package index within reach?"
  sha256sum <locks/uv.txt >.tools/uv/.setup
fi
uv=.tools/uv/bin/uv
# uv reads none of pip's settings: hand over the index, the certificates and so on.
settings=$("$pip_python" tools/pip_settings.py)
eval "$settings"

if [ -z "$python" ]; then
  say "no Python 3.10 on PATH or with pyenv: asking uv to fetch one"
  if ! "$uv" python install --quiet 3.10 || ! python=$("$uv" python find 3.10); then
    die "no Python 3.10 found, and uv could not fetch one (it takes it from github.com)." \
      "${newer:+Found $newer, but TFX 1.21 for it needs glibc >= 2.39; this machine has $glibc.}" \
      "Install a Python 3.10 (for example: pyenv install 3.10), then run make setup again;" \
      "or name one: make setup PYTHON=/path/to/python3.10."
  fi
fi

# --- the environment --------------------------------------------------------------
if is_python "$python" 3.10; then lock=locks/tfx-1.16.txt; else lock=locks/tfx-1.21.txt; fi
say "making .venv of $python and $lock"
if ! [ -x .venv/bin/python ] || [ "$(cat .venv/.python 2>/dev/null)" != "$python" ]; then
  "$uv" venv --quiet --clear --python "$python" .venv
  echo "$python" >.venv/.python
fi
rm -f .venv/.setup
# TensorFlow and TFX take half a minute to compile: once here, not in every process.
if ! "$uv" pip sync --quiet --compile-bytecode --python .venv/bin/python --require-hashes \
  --build-constraints locks/build.txt "$lock"; then
  include=$(.venv/bin/python -c 'import sysconfig; print(sysconfig.get_path("include"))')
  command -v c++ g++ >/dev/null ||
    say "no C++ compiler, which pyfarmhash needs: apt install g++"
  [ -e "$include/Python.h" ] ||
    say "no $include/Python.h, which pyfarmhash needs: apt install python3-dev"
  die "the packages of $lock could not be installed: see above."
fi
"$uv" pip install --quiet --python .venv/bin/python --no-deps --no-build-isolation --editable .
# The page of one command needs it, nothing else.
tools/web.sh || say "going on without the page of \`ondevice-rec demo\`"
printf '%s\n' "$stamp" >.venv/.setup
say "done: .venv/bin/python is $(.venv/bin/python --version)"
