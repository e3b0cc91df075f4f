#!/bin/bash
# Installs missing packages (on Debian 12 or 13), builds hsconas and runs a search on the built-in
# data set. Arguments are passed on to `hsconas search`. Run it again to continue a stopped search.
set -euo pipefail
cd "$(dirname "$0")/.."
work_dir=runs/quickstart

{
  scripts/install_deps.sh build
  [ -e build/release/build.ninja ] || cmake --preset release -DHSCONAS_TESTS=OFF
  cmake --build --preset release --target hsconas --parallel "$(nproc)"
} >&2

build/release/hsconas search --config configs/quickstart.json --work-dir "$work_dir" --resume "$@"
echo "The results are in $PWD/$work_dir" >&2
