#!/bin/bash
# Every check, from a bare Debian 12 or 13 machine: formatting, scripts, the core under clang-tidy
# and sanitizers, all tests. A second run repeats only what changed. CI=true: warnings are errors, and
# the core is also built and tested in a bare Debian 13 (by hand: scripts/bare_system.sh trixie).
set -euo pipefail
cd "$(dirname "$0")/.."
preset=release
[ "${CI:-}" = true ] && preset=ci

failed=()
step() {
  printf '\n== %s\n' "$1"
  "${@:2}" || failed+=("$1")
}

sources() { find "$@" \( -name '*.[ch]pp' -o -name '*.cu' \) -print0 | sort -z; }

check_format() {
  command -v clang-format-14 > /dev/null || { echo "skipped: no clang-format-14"; return; }
  sources include src tests | xargs -0 clang-format-14 --dry-run -Werror
}

check_scripts() { shellcheck scripts/*.sh scripts/slurm/*.sbatch tests/scripts/*.sh src/deploy/kit/*.sh .ci/run; }

check_cuda() {
  command -v nvcc > /dev/null || { echo "skipped: no nvcc"; return; }
  scripts/compile_cuda.sh 90
}

build_and_test() {
  cmake --preset "$1" -DHSCONAS_TESTS=ON &&
    cmake --build --preset "$1" --parallel "$(nproc)" -- -k 0 &&
    ctest --preset "$1" --parallel "$(nproc)"
}

scripts/install_deps.sh test
step "format" check_format
step "scripts" check_scripts
step "the core under clang-tidy and sanitizers" build_and_test tidy
step "all tests" build_and_test "$preset"
step "registers of the CUDA kernels" check_cuda
step "fuzzing, 6 s for each of five readers" scripts/fuzz.sh 6
if [ "${CI:-}" = true ]; then
  step "the core in a bare Debian 13" scripts/bare_system.sh trixie --core
fi

if [ ${#failed[@]} -gt 0 ]; then
  printf '\nFailed: %s\n' "${failed[*]}"
  exit 1
fi
