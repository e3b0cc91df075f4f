#!/bin/bash
# Installs what is missing on Debian 12 or 13 and runs every check: formatting, scripts, the core
# under clang-tidy and sanitizers, all tests. Lists at the end what this machine could not check. A
# second run rebuilds only what changed. With CI=true, warnings are errors, packages for optional tests
# are installed, and the core is also built and tested in a bare Debian 13 (to do only that, run
# scripts/bare_system.sh trixie).
set -euo pipefail
cd "$(dirname "$0")/.."
preset=release
purpose="test"
[ "${CI:-}" = true ] && { preset=ci; purpose="ci"; }
export HSCONAS_SKIPS=$PWD/build/skips.txt  # The tests append to it.
onnx_runtime=$PWD/build/onnxruntime

failed=()
step() {
  printf '\n== %s\n' "$1"
  "${@:2}" || failed+=("$1")
}

skip() {
  echo "skipped: $2"
  echo "skipped: $1: $2" >> "$HSCONAS_SKIPS"
}

sources() { find "$@" \( -name '*.[ch]pp' -o -name '*.cu' \) -print0 | sort -z; }

check_format() {
  command -v clang-format-14 > /dev/null || { skip "format" "no clang-format-14"; return; }
  sources include src tests | xargs -0 clang-format-14 --dry-run -Werror
}

check_scripts() { shellcheck scripts/*.sh scripts/slurm/*.sbatch tests/scripts/*.sh src/edge/kit/*.sh .ci/run; }

check_cuda() {
  command -v nvcc > /dev/null || { skip "registers of the CUDA kernels" "no nvcc"; return; }
  scripts/compile_cuda.sh 90
}

check_readers() {
  command -v clang++-14 > /dev/null || { skip "fuzzing" "no clang++-14"; return; }
  scripts/fuzz.sh 6
}

build_and_test() {
  cmake --preset "$1" -DHSCONAS_TESTS=ON &&
    cmake --build --preset "$1" --parallel "$(nproc)" -- -k 0 &&
    ctest --preset "$1" --parallel "$(nproc)"
}

report_skips() {
  local lines
  lines=$(sort -u "$HSCONAS_SKIPS")
  printf '\n%s tests or steps were skipped, %s checked in part' \
    "$(grep -c '^skipped' <<< "$lines")" "$(grep -c '^checked in part' <<< "$lines")"
  [ -z "$lines" ] && { echo; return; }
  printf ':\n%s\n' "$lines"
}

scripts/install_deps.sh "$purpose"
mkdir -p build
: > "$HSCONAS_SKIPS"
[ -e "$onnx_runtime/node_modules" ] && export HSCONAS_ORT_NODE=${HSCONAS_ORT_NODE:-$onnx_runtime}
step "format" check_format
step "scripts" check_scripts
step "the core under clang-tidy and sanitizers" build_and_test tidy
step "all tests" build_and_test "$preset"
step "registers of the CUDA kernels" check_cuda
step "fuzzing, 6 s for each of five readers" check_readers
if [ "${CI:-}" = true ]; then
  step "the core in a bare Debian 13" scripts/bare_system.sh trixie --core
fi

report_skips
if [ ${#failed[@]} -gt 0 ]; then
  printf '\nFailed: %s\n' "${failed[*]}"
  exit 1
fi
