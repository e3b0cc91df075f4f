#!/bin/bash
# Times a training step and the scoring of candidates, compared with a plain implementation:
#   scripts/speed_tables.sh             the main measurements, in about fifteen minutes
#   scripts/speed_tables.sh scaling     a step for several threads, batch and image sizes
#   scripts/speed_tables.sh ranks RUN [key=value ...]
#                                       whether both rank architectures and learn in the same way,
#                                       with the supernet of a finished run; key=value can set its
#                                       data.path
# The two implementations run interleaved in the same process. Compare the ratios of their times,
# because the times themselves depend on the machine.
# Environment: BUILD is the build folder, ROUNDS the number of timings (11).
set -euo pipefail
build=${BUILD:-$(dirname "$0")/../build/release}
rounds=${ROUNDS:-11}
[ -x "$build/hsconas_train_bench" ] || {
  echo "$0: $build has no benchmarks: build them with cmake --build --preset release --target hsconas_benches" >&2
  exit 2
}
usage() { sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p}' "$0" >&2; }

case ${1:-} in
  '')
    for precision in fp32 bf16; do
      "$build/hsconas_train_bench" --rounds "$rounds" --precision "$precision" --memory
      "$build/hsconas_train_bench" --rounds "$rounds" --precision "$precision" --divisor 1
      "$build/hsconas_train_bench" --rounds 3 --precision "$precision" --image 224
    done
    "$build/hsconas_score_bench" --memory
    "$build/hsconas_score_bench" --memory --fp16
    ;;
  ranks)
    [ $# -ge 2 ] || { usage; exit 2; }
    "$build/hsconas_score_bench" --run "${@:2}" --batch 500 --kendall 100 --losses 200
    ;;
  scaling)
    for threads in 1 2; do
      for batch in 16 64 256; do
        "$build/hsconas_train_bench" --rounds "$rounds" --threads "$threads" --batch "$batch" --memory
      done
    done
    "$build/hsconas_train_bench" --rounds "$rounds" --image 64 --memory
    "$build/hsconas_train_bench" --rounds 3 --image 224 --batch 16 --memory
    ;;
  *)
    usage
    exit 2
    ;;
esac
