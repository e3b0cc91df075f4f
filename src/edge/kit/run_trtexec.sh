#!/bin/sh
# Times the models of this folder with TensorRT's trtexec and writes results.csv.
#
#     ./run_trtexec.sh [trtexec options, such as --fp16]
#
# Environment: TRTEXEC is the trtexec to use, ROUNDS the number of times every model is timed (3).
# The result for a model is the middle, over the rounds, of trtexec's median GPU compute time.
# Passes are CUDA graphs and no data is copied. A warning names models whose enqueue time exceeds
# their compute time: for these the CPU was measured, not the GPU.
set -eu
cd "$(dirname "$0")"
trtexec=${TRTEXEC:-trtexec}
rounds=${ROUNDS:-3}
times=$(mktemp)
printed=$(mktemp)
trap 'rm -f "$times" "$printed"' EXIT

# The last median that trtexec printed for the quantity $1, in ms.
median_of() {
  sed -n "s/.*$1:.*median = \([0-9.e+-]*\) ms.*/\1/p" "$printed" | tail -n 1
}

command -v "$trtexec" > /dev/null || { echo "run_trtexec: no $trtexec here; set TRTEXEC" >&2; exit 2; }

round=0
while [ "$round" -lt "$rounds" ]; do
  round=$((round + 1))
  tail -n +2 manifest.csv | while IFS=, read -r file role _; do
    [ "$role" != reference ] || continue
    "$trtexec" --onnx="$file" "$@" --useCudaGraph --noDataTransfers --useSpinWait \
      > "$printed" 2>&1 < /dev/null || true
    ms=$(median_of 'GPU Compute Time')
    enqueue=$(median_of 'Enqueue Time')
    [ -n "$ms" ] || { echo "run_trtexec: $trtexec gave no time for $file" >&2; exit 3; }
    echo "$file: compute $ms ms, enqueue ${enqueue:-unknown} ms" >&2
    if awk "BEGIN { exit !($ms < ${enqueue:-0}) }"; then
      echo "run_trtexec: warning: $file was waiting for the CPU" >&2
    fi
    echo "$file,$ms"
  done >> "$times"
  echo "round $round of $rounds" >&2
done

# Writes the middle of each model's times, in the order of the manifest.
{
  echo file,ms
  tail -n +2 manifest.csv | while IFS=, read -r file role _; do
    [ "$role" != reference ] || continue
    awk -F, -v file="$file" '$1 == file { print $2 }' "$times" | sort -g |
      awk -v file="$file" '{ ms[NR] = $1 } END { if (NR) print file "," ms[int((NR + 1) / 2)] }'
  done
} > results.csv.tmp
mv results.csv.tmp results.csv
