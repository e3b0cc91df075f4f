#!/bin/bash
# Builds everything and runs all tests:
#   scripts/test.sh [--all]
# On Debian 12 or 13, missing packages are installed first. --all adds the slow checks: clang-tidy on
# the core, registers of the CUDA kernels, fuzzing, and the core in a bare Debian 13 under sanitizers. A
# second run rebuilds only what changed. At the end, the script lists what this machine could not check
# and how long each step took. CI=true implies --all; warnings are then errors, and packages for
# optional tests are installed.
set -euo pipefail
cd "$(dirname "$0")/.."
preset=release
purpose="test"
all=false
[ "${CI:-}" = true ] && { preset=ci; purpose="ci"; all=true; }
for word in "$@"; do
  [ "$word" = --all ] || { echo "usage: scripts/test.sh [--all]" >&2; exit 2; }
  all=true
done
export HSCONAS_SKIPS=$PWD/build/skips.txt  # The tests append to it.
onnx_runtime=$PWD/build/onnxruntime

failed=()
times=()
step() {  # TITLE COMMAND...
  local start=$SECONDS
  printf '\n== %s\n' "$1"
  "${@:2}" || failed+=("$1")
  times+=("$(printf '%6d s  %s' $((SECONDS - start)) "$1")")
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

check_scripts() { shellcheck -x scripts/*.sh scripts/paper/*.sh scripts/slurm/*.sbatch tests/scripts/*.sh src/edge/kit/*.sh .ci/run; }

check_cuda() {
  command -v nvcc > /dev/null || { skip "registers of the CUDA kernels" "no nvcc"; return; }
  scripts/compile_cuda.sh 90
}

check_readers() {
  command -v clang++-14 > /dev/null || { skip "fuzzing" "no clang++-14"; return; }
  scripts/fuzz.sh 6
}

# One build serves for two checks: with another compiler, and under sanitizers.
check_core() {
  scripts/bare_system.sh trixie --sanitizers && return
  [ $? -eq 3 ] && [ "${CI:-}" != true ] || return 1
  skip "the core in a bare Debian 13" "this machine cannot make one, so this one is used"
  build_and_test dev
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

mkdir -p build
: > "$HSCONAS_SKIPS"
step "packages" scripts/install_deps.sh "$purpose"
[ -e "$onnx_runtime/node_modules" ] && export HSCONAS_ORT_NODE=${HSCONAS_ORT_NODE:-$onnx_runtime}
step "format" check_format
step "scripts" check_scripts
step "all tests" build_and_test "$preset"
if $all; then
  step "benchmarks, built" cmake --build --preset "$preset" --target hsconas_benches --parallel "$(nproc)"
  step "clang-tidy on the core" scripts/tidy.sh
  step "registers of the CUDA kernels" check_cuda
  step "fuzzing, 6 s for each of five readers" check_readers
  step "the core in a bare Debian 13, under sanitizers" check_core
fi

report_skips
printf '%s\n' "" "${times[@]}"
if [ ${#failed[@]} -gt 0 ]; then
  printf '\nFailed: %s\n' "${failed[*]}"
  exit 1
fi
