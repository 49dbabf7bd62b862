#!/usr/bin/env bash
# Installs the OpenGL libraries that drawing without a screen needs; without the right to, prints the line to run.
set -euo pipefail

packages="libegl1 libgl1 libosmesa6 libgl1-mesa-dri"
# Not grep -q: it would close the pipe early, which pipefail takes for a failure.
have() { ldconfig -p 2>/dev/null | grep "$1" >/dev/null; }
if have 'libEGL\.so\.1' && have 'libGL\.so\.1' && have 'libOSMesa\.so'; then exit 0; fi

line="apt-get update && apt-get install -y --no-install-recommends $packages"
if ! command -v apt-get >/dev/null; then
  echo "setup: install EGL and OSMesa (Debian names: $packages) with this system's package manager" >&2
  exit 1
fi
if [ "$(id -u)" = 0 ]; then
  export DEBIAN_FRONTEND=noninteractive
  bash -c "$line" >/dev/null || { echo "setup: failed: $line" >&2; exit 1; }
elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
  sudo -n bash -c "DEBIAN_FRONTEND=noninteractive; $line" >/dev/null
else
  echo "setup: OpenGL libraries are missing; run this once, then make again:" >&2
  echo "  sudo bash -c '$line'" >&2
  exit 1
fi
