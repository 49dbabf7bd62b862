#!/usr/bin/env bash
# Creates .venv and installs potstill with the tested versions of constraints.txt.
set -euo pipefail

for python in "${PYTHON:-}" python3.11 python3.12 python3 python3.13; do
  [ -n "$python" ] && command -v "$python" >/dev/null || continue
  "$python" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null && break
  python=""
done
if [ -z "${python:-}" ]; then
  echo "setup: Python 3.11 or newer is needed; run: sudo apt-get install -y python3 python3-venv" >&2
  exit 1
fi
echo "setup: installing into .venv with $("$python" --version) (2-4 minutes the first time)"
if [ ! -x .venv/bin/pip ] && ! "$python" -m venv .venv; then
  echo "setup: the venv module is missing; run: sudo apt-get install -y python3-venv" >&2
  exit 1
fi
.venv/bin/pip install --quiet --disable-pip-version-check -c constraints.txt "torch==2.13.0" setuptools wheel
.venv/bin/pip install --quiet --disable-pip-version-check --no-build-isolation -c constraints.txt -e '.[dev,diffusion]'
