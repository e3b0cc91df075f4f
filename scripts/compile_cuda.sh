#!/bin/bash
# Compiles every CUDA source for the given architectures (default: 75 80 86 89 90) and prints the
# registers, spilled bytes and static shared memory of each kernel. Needs nvcc but no GPU. Fails
# when a source does not compile or a kernel spills more bytes than its limit.
#   scripts/compile_cuda.sh [ARCH...]
# Environment: SOURCES="a.cu b.cu" compiles only these files; JOBS is the number of parallel jobs.
set -euo pipefail
cd "$(dirname "$0")/.."

# The most bytes that a kernel may spill. Each exception is a part of a kernel's name and its limit.
limit=512
exceptions=(
)

nvcc=${NVCC:-$(command -v nvcc || echo /usr/local/cuda/bin/nvcc)}
command -v "$nvcc" > /dev/null || { echo "nvcc not found: install the CUDA toolkit or set NVCC" >&2; exit 1; }
known=$("$nvcc" --list-gpu-code)
architectures=()
for architecture in "${@:-75 80 86 89 90}"; do
  for one in $architecture; do
    if grep -qx "sm_$one" <<< "$known"; then
      architectures+=("$one")
    else
      echo "sm_$one: unknown to $nvcc, left out"
    fi
  done
done

out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
read -ra sources <<< "${SOURCES:-$(echo src/kernels/cuda/*.cu tests/bench/cuda_bench.cu tests/bench/cuda/*.cu)}"

# -cubin compiles only device code; the build checks the host code.
# shellcheck disable=SC2317 # Called by the shells that xargs starts.
compile() {
  local name
  name="$3/$(basename "$1" .cu).$2"
  if ! "$4" -cubin -arch="sm_$2" -std=c++17 -O3 --expt-relaxed-constexpr -Xptxas -v -Iinclude -Isrc/kernels/cuda \
    -Itests/bench/cuda -o "$name.cubin" "$1" > "$name.log" 2>&1; then
    echo "$1 does not compile for sm_$2:"
    grep -v "^ptxas info\|bytes stack frame" "$name.log" | sed -n 1,40p
    return 1
  fi
}
export -f compile

failed=0
# shellcheck disable=SC2016 # The shells that xargs starts expand this.
for source in "${sources[@]}"; do
  for architecture in "${architectures[@]}"; do printf '%s %s\n' "$source" "$architecture"; done
done | xargs -P "${JOBS:-$(nproc)}" -L 1 bash -c 'compile "$2" "$3" "$0" "$1"' "$out" "$nvcc" || failed=1

demangle="cat"
command -v c++filt > /dev/null && demangle=c++filt
[ -x "$(dirname "$nvcc")/cu++filt" ] && demangle=$(dirname "$nvcc")/cu++filt

# One line per kernel: architecture, registers, spilled bytes, static shared memory, name.
kernels() {
  cat "$out"/*.log | awk '
    /Compiling entry function/ { split($0, part, "\047"); name = part[2]; sm = part[4]; spills = 0 }
    /bytes spill stores/ {
      spills = ($5 > $9) ? $5 : $9
    }
    /: Used [0-9]+ registers/ && name != "" {
      registers = $5; shared = 0
      if (match($0, /[0-9]+ bytes smem/)) shared = substr($0, RSTART, RLENGTH) + 0
      print sm, registers, spills, shared, name
      name = ""
    }' | "$demangle" | sed -E 's/void //; s/hsconas::cuda:://g; s/hsconas:://g; s/run_block<(.*)>\(.*/\1/; s/bench::\(anonymous namespace\)::/bench: /g' |
    sort -k5 -k1,1V
}

printf '%-7s %9s %7s %7s  %s\n' target registers spilled shared kernel
while read -r sm registers spilled shared name; do
  allowed=$limit
  for exception in ${exceptions[@]+"${exceptions[@]}"}; do
    [[ "$name" == *"${exception% *}"* ]] && allowed=${exception##* }
  done
  mark=
  if [ "$spilled" -gt "$allowed" ]; then
    mark="  <- more than $allowed bytes spilled"
    failed=1
  fi
  printf '%-7s %9s %7s %7s  %s%s\n' "$sm" "$registers" "$spilled" "$shared" "$name" "$mark"
done < <(kernels)
exit "$failed"
