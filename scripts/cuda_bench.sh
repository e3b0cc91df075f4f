#!/bin/bash
# Builds hsconas_cuda_bench with nvcc alone and runs it with the given arguments. Needs the CUDA
# toolkit, but neither CMake nor LibTorch.
#   scripts/cuda_bench.sh [--seconds N] [--seed N] [section ...]
# Environment: ARCH=90 builds for that architecture instead of this machine's GPU; BUILD_ONLY=1 does
# not run the program; BUILD is the build folder (build/cuda_bench); JOBS is the number of parallel
# jobs.
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
# shellcheck disable=SC2016 # The shells that xargs starts expand this.
printf '%s\n' "${sources[@]}" |
  xargs -P "${JOBS:-$(nproc)}" -I {} bash -c 'compile "$0" "$1" "$2" {}' "$nvcc" "$arch" "$build"
objects=()
for source in "${sources[@]}"; do objects+=("$build/$(basename "$source").o"); done

# The CUDA runtime is linked statically. cuBLASLt is part of the toolkit; if it comes from a pip
# package, LIBRARY_PATH and LD_LIBRARY_PATH must name its folder.
"$nvcc" -arch="$arch" "${objects[@]}" -lcublasLt -o "$build/hsconas_cuda_bench"
[ -n "${BUILD_ONLY:-}" ] && exit 0
exec "$build/hsconas_cuda_bench" "$@"
