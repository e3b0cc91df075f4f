#!/bin/bash
# Measures what compressing trained networks costs (codesign.method compress), on Fashion-MNIST:
#   scripts/compression_tables.sh DATA OUT [key=value ...]
# DATA is the folder with the four IDX files. OUT is a folder for the runs; a second call runs only
# what is missing. The config is configs/fashion_mnist.json; key=value overrides it. Three networks
# are trained for EPOCHS epochs (default: 10) on images that no compressed network is tested on.
# Then it prints:
# - their accuracy with 8-bit and with 4-bit weights, without and with training steps;
# - the accuracy that each of them, and all three together, lose at half the latency that they have
#   on DESIGN (default: eyeriss-bits), and the minutes;
# - for each of SEEDS (default: 1 2 3), the images and minutes of a cold search on that design, which
#   trains a supernet, and of a hot start. The last column is the number of images after which the
#   hot start has a network as accurate as the cold search's. The training of its three networks is
#   not counted. Cold networks have the design's own words.
# Accuracies are those on the held-out images, in percent; "test" is on the test images. EVALUATIONS
# is the number of compressed networks of a search (default: 60), STEPS that of the training steps of
# each (default: 100).
set -euo pipefail
needs=2
# shellcheck source=scripts/program.sh
source "$(dirname "$0")/program.sh"
here=$(cd "$(dirname "$0")/.." && pwd)
command -v jq > /dev/null || { echo "$0: needs jq" >&2; exit 3; }
data=$(cd "$1" && pwd)
mkdir -p "$2"
out=$(cd "$2" && pwd)
shift 2
overrides=("$@")
epochs=${EPOCHS:-10}
design=${DESIGN:-$here/configs/accelerators/eyeriss-bits.json}
seeds=${SEEDS:-1 2 3}
evaluations=${EVALUATIONS:-60}
steps=${STEPS:-100}
population=10
names=(large medium small)
declare -A arch=(
  [large]=1:9-3:8-1:8-3:9-0:9-1:8-3:9-0:9
  [medium]=0:9-1:7-0:9-1:7-3:5-0:9-1:7-3:5
  [small]=0:5-4:9-0:5-4:9-1:5-0:5-4:9-1:5)

# run COMMAND FOLDER [argument ...]: runs a command of the program, unless FOLDER has its result.
# FOLDER/seconds is the time that it took.
run() {
  local command=$1 dir=$out/$2 begin=$SECONDS
  shift 2
  [ ! -e "$dir/seconds" ] || return 0
  local place=(--work-dir "$dir")
  [ "$command" != retrain ] || place=(--out "$dir")
  "$hsconas" -q "$command" --config "$here/configs/fashion_mnist.json" "${place[@]}" --resume \
    "data.path=$data" retrain.use_holdout=false score.validation_images=5000 \
    ${overrides[@]+"${overrides[@]}"} "$@" > "$dir.txt"
  echo $((SECONDS - begin)) > "$dir/seconds"
}

# compress FOLDER START [key=value ...]: compresses the networks START, separated by commas.
compress() {
  local folder=$1 starts=$2
  shift 2
  run codesign "$folder" codesign.method=compress "codesign.designs=$design" \
    "codesign.start=$out/${starts//,/,$out/}" search.population=$population search.parents=5 \
    "search.generations=$((evaluations / population - 1))" "codesign.tune_steps=$steps" "$@"
}

# value FOLDER FILTER: applies a jq filter to the result of a run.
value() { jq -r "$2" "$out/$1/codesign.json"; }

# Milliseconds of a network, in the words of the design.
latency() {
  "$hsconas" --json accel --design "$design" --space fashion-28 --arch "${arch[$1]}" | jq .ms
}

for name in "${names[@]}"; do
  run retrain "$name" --arch "${arch[$name]}" "retrain.epochs=$epochs"
done

printf 'Fewer bits in every block: accuracy, and what it gained\n%-8s %8s %16s %16s %16s %16s\n' \
  network fp32 '8 bits' '8 bits, tuned' '4 bits' '4 bits, tuned'
for name in "${names[@]}"; do
  for bits in 8 4; do
    settings=(codesign.cut_widths=false "codesign.weight_bits=[$bits]")
    compress "$name-$bits" "$name" "${settings[@]}" codesign.tune_steps=0
    compress "$name-$bits-tuned" "$name" "${settings[@]}"
  done
  printf '%-8s %8.2f' "$name" "$(value "$name-8" '100 * .compression.starts[0].accuracy')"
  for folder in "$name"-{8,8-tuned,4,4-tuned}; do
    # shellcheck disable=SC2016  # The variables are those of jq.
    read -ra figures < <(value "$folder" '.best.accuracy as $now | .compression.starts[0].accuracy
      | "\(100 * $now) \(100 * ($now - .))"')
    printf ' %7.2f (%+.2f)' "${figures[@]}"
  done
  echo
done

# half FOLDER STARTS MS: compresses to a limit and prints a row.
half() {
  local figures
  compress "$1" "$2" "codesign.max_latency_ms=$3"
  read -ra figures < <(value "$1" '.best.latency_ms,
    (([.compression.starts[].accuracy] | max), .best.accuracy, .compression.test_accuracy) * 100,
    .best.arch' | paste -s -d ' ')
  printf '%-20s %9.4f %9.4f %8.2f %8.2f %8.2f %8.1f  %s\n' "$2" "$3" "${figures[@]:0:4}" \
    "$(jq '. / 60' "$out/$1/seconds")" "${figures[4]}"
}

printf '\nAt half the latency on %s\n%-20s %9s %9s %8s %8s %8s %8s  %s\n' \
  "$(basename "$design" .json)" starts 'limit ms' ms 'before' 'after' test minutes network
for name in "${names[@]}"; do half "$name-half" "$name" "$(jq -n "$(latency "$name") / 2")"; done
limit=$(jq -n "$(latency medium) / 2")
half all-half large,medium,small "$limit"

# The images that a cold search processed: to train the supernet, and to score networks.
cold_images() { # FOLDER
  local config=$out/$1/config.json steps
  steps=$(jq 'select(.stage == "supernet").step' "$out/$1/metrics.jsonl" | tail -n 1)
  jq "$steps * .supernet.batch + $(value "$1" .evaluations.networks) *
    (.score.calibration_images + .score.validation_images)" "$config"
}

# The images that a compression processed until it had a network of this accuracy; of "", in all.
images_until() { # FOLDER ACCURACY
  awk -F, -v wanted="$2" \
    -v each="$(value "$1" '.compression.images_per_network | .trained + .tested')" '
    NR == 1 { for (i = 1; i <= NF; ++i) if ($i == "accuracy") column = i; next }
    { images += each } wanted != "" && $column >= wanted { found = 1; exit }
    END { print found || wanted == "" ? images : "never" }' "$out/$1/codesign-candidates.csv"
}

printf '\nA cold search and a hot start, limit %.4f ms\n%-5s %8s %10s %8s %8s %10s %8s %16s\n' "$limit" \
  seed cold images minutes hot images minutes 'images to equal'
for seed in $seeds; do
  run codesign "cold-$seed" codesign.method=coupled "codesign.designs=$design" \
    "codesign.max_latency_ms=$limit" codesign.exhaustive_pairs=0 "seed=$seed"
  compress "hot-$seed" large,medium,small "codesign.max_latency_ms=$limit" "search.seed=$seed"
  equal=$(value "cold-$seed" .best.accuracy)
  printf '%-5s %8.2f %10s %8.1f %8.2f %10s %8.1f %16s\n' "$seed" "$(jq -n "100 * $equal")" \
    "$(cold_images "cold-$seed")" "$(jq '. / 60' "$out/cold-$seed/seconds")" \
    "$(value "hot-$seed" '100 * .best.accuracy')" "$(images_until "hot-$seed" "")" \
    "$(jq '. / 60' "$out/hot-$seed/seconds")" "$(images_until "hot-$seed" "$equal")"
done
