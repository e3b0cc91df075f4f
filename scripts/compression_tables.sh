#!/bin/bash
# Measures what compressing trained networks costs (codesign.method compress), on Fashion-MNIST:
#   scripts/compression_tables.sh DATA OUT [key=value ...]
# DATA is the folder with the four IDX files. OUT is a folder for the runs; a second call runs only
# what is missing. The config is configs/fashion_mnist.json; key=value overrides it. Three networks
# are trained for EPOCHS epochs (default: 10) on images that no compressed network is tested on.
# Then:
# - their accuracy with 8-bit weights, and with 4-bit weights without and with 100 steps;
# - each of them, and all three together, at half the latency that they have on DESIGN (default:
#   eyeriss-bits), with the accuracy lost and the minutes;
# - for each of SEEDS (default: 1 2 3), the images and minutes of a cold search on that design, which
#   trains a supernet, and those that the hot start needs to find a network as accurate.
# Accuracies are those on the held-out images, in percent; "test" is on the test images.
set -euo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)
hsconas=${HSCONAS:-$here/build/release/hsconas}
[ $# -ge 2 ] || { sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p}' "$0" >&2; exit 2; }
command -v jq > /dev/null || { echo "$0: needs jq" >&2; exit 3; }
data=$(cd "$1" && pwd)
mkdir -p "$2"
out=$(cd "$2" && pwd)
shift 2
overrides=("$@")
epochs=${EPOCHS:-10}
design=${DESIGN:-$here/configs/accelerators/eyeriss-bits.json}
seeds=${SEEDS:-1 2 3}
evaluations=${EVALUATIONS:-60}  # Compressed networks per search.
population=10
names=(large medium small)
declare -A arch=(
  [large]=1:9-3:8-1:8-3:9-0:9-1:8-3:9-0:9
  [medium]=0:9-1:7-0:9-1:7-3:5-0:9-1:7-3:5
  [small]=0:5-4:9-0:5-4:9-1:5-0:5-4:9-1:5)

# run COMMAND FOLDER [argument ...]: runs a command of the program, unless FOLDER has its result.
run() {
  local command=$1 dir=$out/$2
  shift 2
  [ ! -e "$dir/finished" ] || return 0
  local folder=(--work-dir "$dir")
  [ "$command" != retrain ] || folder=(--out "$dir")
  "$hsconas" -q "$command" --config "$here/configs/fashion_mnist.json" "${folder[@]}" --resume \
    "data.path=$data" retrain.use_holdout=false score.validation_images=5000 \
    ${overrides[@]+"${overrides[@]}"} "$@" > "$dir.txt"
  touch "$dir/finished"
}

# compress FOLDER START [key=value ...]: compresses the networks START, separated by commas.
compress() {
  local folder=$1 starts=$2
  shift 2
  run codesign "$folder" codesign.method=compress "codesign.designs=$design" \
    "codesign.start=$out/${starts//,/,$out/}" search.population=$population search.parents=5 \
    "search.generations=$((evaluations / population - 1))" "$@"
}

# value FOLDER FILTER: applies a jq filter to the result of a run.
value() { jq -r "$2" "$out/$1/codesign.json"; }

# Milliseconds of a network, in the words of the design.
latency() { "$hsconas" --json accel --design "$design" --space fashion-28 --arch "${arch[$1]}" | jq .ms; }

for name in "${names[@]}"; do
  run retrain "$name" --arch "${arch[$name]}" "retrain.epochs=$epochs"
done

printf 'Fewer bits in every block\n%-8s %8s %8s %14s %14s %18s\n' network fp32 '8 bits' '8 bits, tuned' \
  '4 bits' '4 bits, 100 steps'
for name in "${names[@]}"; do
  whole=(codesign.cut_widths=false)
  compress "$name-8" "$name" "${whole[@]}" 'codesign.weight_bits=[8]' codesign.tune_steps=0
  compress "$name-8-tuned" "$name" "${whole[@]}" 'codesign.weight_bits=[8]'
  compress "$name-4" "$name" "${whole[@]}" 'codesign.weight_bits=[4]' codesign.tune_steps=0
  compress "$name-4-tuned" "$name" "${whole[@]}" 'codesign.weight_bits=[4]'
  printf '%-8s' "$name"
  printf ' %8.2f' "$(value "$name-8" '100 * .compression.starts[0].accuracy')"
  for run in 8 8-tuned 4 4-tuned; do
    printf ' %8.2f (%+.2f)' "$(value "$name-$run" '100 * .best.accuracy')" \
      "$(value "$name-$run" '100 * (.best.accuracy - .compression.starts[0].accuracy)')"
  done
  echo
done

# half FOLDER STARTS MS: a row of the table of networks at half the latency.
half() {
  compress "$1" "$2" "codesign.max_latency_ms=$3"
  printf '%-20s %9.4f %9.4f %9.2f %9.2f %9.2f %8.1f  %s\n' "$2" "$3" \
    $(value "$1" '.best.latency_ms, ([.compression.starts[].accuracy] | max * 100),
      .best.accuracy * 100, .compression.test_accuracy * 100, .seconds / 60, .best.arch')
}
printf '\nHalf the latency on %s\n%-20s %9s %9s %9s %9s %9s %8s  %s\n' "$(basename "$design" .json)" \
  start 'limit ms' ms 'start' 'winner' 'test' minutes network
for name in "${names[@]}"; do
  half "$name-half" "$name" "$(jq -n "$(latency "$name") / 2")"
done
limit=$(jq -n "$(latency medium) / 2")
half all-half large,medium,small "$limit"

# The images that a compression processed until it had found a network as accurate as $2.
images_until() { # FOLDER ACCURACY
  local each
  each=$(value "$1" '.compression.images | .trained + .tested')
  awk -F, -v each="$each" -v wanted="$2" '
    NR == 1 { for (i = 1; i <= NF; ++i) if ($i == "accuracy") column = i; next }
    { ++count } $column >= wanted { print count * each; found = 1; exit }
    END { if (!found) print "never" }' "$out/$1/codesign-candidates.csv"
}
printf '\nCold and hot start, limit %s ms\n%-6s %9s %12s %9s %9s %9s %14s\n' "$limit" seed 'cold' \
  images minutes 'hot' minutes 'images to equal'
for seed in $seeds; do
  run codesign "cold-$seed" codesign.method=coupled "codesign.designs=$design" \
    "codesign.max_latency_ms=$limit" "seed=$seed"
  compress "hot-$seed" large,medium,small "codesign.max_latency_ms=$limit" "search.seed=$seed"
  printf '%-6s %9.2f %12s %9.1f %9.2f %9.1f %14s\n' "$seed" \
    "$(value "cold-$seed" '100 * .best.accuracy')" ...
done
