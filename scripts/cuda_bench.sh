#!/bin/bash
# Builds hsconas_cuda_bench with nvcc alone, for the GPU of this machine (ARCH=90: for another),
# and runs it with the arguments given. Needs the CUDA toolkit, neither CMake nor LibTorch.
#   scripts/cuda_bench.sh [--seconds N] [--seed N] [section ...]
# BUILD_ONLY=1: does not run it. BUILD=folder: where to build (build/cuda_bench). JOBS=n: so many
# files at once.
set -euo pipefail
cd "$(dirname "$0")/.."

nvcc=${NVCC:-$(command -v nvcc || echo /usr/local/cuda/bin/nvcc)}
build=${BUILD:-build/cuda_bench}
arch=native
[ -n "${ARCH:-}" ] && arch=sm_$ARCH
mkdir -p "$build"

# shellcheck disable=SC2317 # Called by the shells that xargs starts.
compile() {
  "$1" -c -std=c++17 -O3 -arch="$2" --expt-relaxed-constexpr -Iinclude -Isrc/kernels/cuda \
    -Itests/bench/cuda -o "$3/$(basename "$4").o" "$4"
}
export -f compile
sources=(tests/bench/cuda/depthwise_*.cu src/kernels/cuda/cublas_products.cu
  src/kernels/cuda/cuda_queue.cu tests/bench/cuda_bench.cu
  tests/bench/cuda/{card,harness,launches,products}.cu)
# shellcheck disable=SC2016 # Expanded by the shells that xargs starts.
printf '%s\n' "${sources[@]}" |
  xargs -P "${JOBS:-$(nproc)}" -I {} bash -c 'compile "$0" "$1" "$2" {}' "$nvcc" "$arch" "$build"
objects=()
for source in "${sources[@]}"; do objects+=("$build/$(basename "$source").o"); done

# The runtime is linked in; cuBLASLt comes with the toolkit, or with pip's packages (then
# LIBRARY_PATH and LD_LIBRARY_PATH must name its folder).
"$nvcc" -arch="$arch" "${objects[@]}" -lcublasLt -o "$build/hsconas_cuda_bench"
[ -n "${BUILD_ONLY:-}" ] && exit 0
exec "$build/hsconas_cuda_bench" "$@"
