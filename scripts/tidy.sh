#!/bin/bash
# Checks the core with clang-tidy:
#   scripts/tidy.sh
# Needs clang-tidy-14: the version is pinned, because checks differ between versions. Only the core is
# checked, because clang 14 cannot parse the headers of LibTorch 1.13 as C++20. Nothing is built.
set -euo pipefail
cd "$(dirname "$0")/.."
command -v clang-tidy-14 > /dev/null || { echo "skipped: no clang-tidy-14"; exit 0; }
cmake --preset core -B build/tidy > /dev/null
# The files that the targets of the core compile: several of a room in one.
awk '/"command": / { is_core = /-o CMakeFiles\/hsconas_core/ }
     /"file": / && is_core { gsub(/.*"file": "|",?$/, ""); print }' build/tidy/compile_commands.json |
  xargs -d '\n' -P "$(nproc)" -n 1 clang-tidy-14 --quiet -p build/tidy
