#!/bin/sh
# Times the models of this folder with TensorRT's trtexec and writes results.csv.
#
#     ./run_trtexec.sh [trtexec options, such as --fp16]
#
# TRTEXEC names another trtexec, ROUNDS how often every model is timed (3). What counts is the
# median GPU compute time, and of the rounds the middle one.
set -eu
cd "$(dirname "$0")"
trtexec=${TRTEXEC:-trtexec}
rounds=${ROUNDS:-3}
times=$(mktemp)
trap 'rm -f "$times"' EXIT

command -v "$trtexec" > /dev/null || { echo "run_trtexec: no $trtexec here; set TRTEXEC" >&2; exit 2; }

round=0
while [ "$round" -lt "$rounds" ]; do
  round=$((round + 1))
  tail -n +2 manifest.csv | while IFS=, read -r file role _; do
    [ "$role" != reference ] || continue
    ms=$("$trtexec" --onnx="$file" "$@" 2>&1 < /dev/null |
      sed -n 's/.*GPU Compute Time:.*median = \([0-9.e+-]*\) ms.*/\1/p' | tail -n 1)
    [ -n "$ms" ] || { echo "run_trtexec: $trtexec gave no time for $file" >&2; exit 3; }
    echo "$file,$ms"
  done >> "$times"
  echo "round $round of $rounds" >&2
done

# The middle one of each model's times, in the order of the manifest.
{
  echo file,ms
  tail -n +2 manifest.csv | while IFS=, read -r file role _; do
    [ "$role" != reference ] || continue
    awk -F, -v file="$file" '$1 == file { print $2 }' "$times" | sort -g |
      awk -v file="$file" '{ ms[NR] = $1 } END { if (NR) print file "," ms[int((NR + 1) / 2)] }'
  done
} > results.csv.tmp
mv results.csv.tmp results.csv
