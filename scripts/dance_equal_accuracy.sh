#!/bin/bash
# Compares codesign.method=multi_phase with DANCE at equal accuracy, on DANCE's space, designs and
# training:
#   scripts/dance_equal_accuracy.sh OUT [key=value ...]
# For each seed, DANCE finds a pair. Then multi_phase searches with the area limited to that of this
# pair, and latency and energy to a part of what it takes, for several parts; it scores networks by a
# supernet of the same config. All networks are retrained alone. Percentages are relative to DANCE's
# pair, and so is the difference of the accuracies on the test images.
# OUT is a folder for the runs; a second call runs only what is missing. The config is
# configs/dance.json; key=value overrides it, for example data.path. SEEDS and PARTS replace the
# seeds (1 2 3) and the parts (1 0.8 0.64 0.5), SEARCHED the number of accuracies that a search asks
# for, a multiple of 20 (400 by default).
set -euo pipefail
needs=1
# shellcheck source=scripts/program.sh
source "$(dirname "$0")/program.sh"
here=$(cd "$(dirname "$0")/.." && pwd)
mkdir -p "$1"
out=$(cd "$1" && pwd)
shift
seeds=${SEEDS:-1 2 3}
parts=${PARTS:-1 0.8 0.64 0.5}
searched=${SEARCHED:-400}
# The retraining takes as many epochs as the supernet's training.
settings=(retrain.epochs=12 retrain.batch=64 retrain.warmup_epochs=0.2 retrain.average_decay=0.998 "$@")

command -v jq > /dev/null || { echo "$0: needs jq" >&2; exit 3; }

# codesign SEED FOLDER [option or key=value ...]
codesign() {
  "$hsconas" -q codesign --config "$here/configs/dance.json" --work-dir "$2" --resume "seed=$1" \
    "codesign.designs=$here/configs/designs/dance.json" "${settings[@]}" "${@:3}" \
    > /dev/null
}

# retrain SEED RECORD: trains the network of RECORD alone, unless that is done.
retrain() {
  local arch
  arch=$(jq -r .best.arch "$2")
  "$hsconas" -q retrain --config "$here/configs/dance.json" --arch "$arch" \
    --out "$out/retrain-$1/$arch" --resume "seed=$1" "${settings[@]}" > /dev/null
}

# row SEED NAME RECORD: its costs relative to DANCE's pair, and the accuracy beside DANCE's.
row() {
  local dance=$out/dance-$1/codesign.json own base
  own=$out/retrain-$1/$(jq -r .best.arch "$3")/result.json
  base=$out/retrain-$1/$(jq -r .best.arch "$dance")/result.json
  jq -rn --arg seed "$1" --arg name "$2" --slurpfile found "$3" --slurpfile dance "$dance" \
    --slurpfile own "$own" --slurpfile base "$base" '
    def change(key): 100 * ($found[0].best[key] / $dance[0].best[key] - 1);
    $found[0].best as $best | [$seed, $name, $best.latency_ms, change("latency_ms"), $best.energy,
      change("energy"), $best.area_mm2, change("area_mm2"), 100 * $own[0].test_accuracy,
      100 * ($own[0].test_accuracy - $base[0].test_accuracy), $best.design, $best.arch] | @tsv' |
    awk -F '\t' '{ printf "%4s  %-16s %8.4f %+6.1f%% %10.4g %+6.1f%% %8.3f %+6.1f%% %8.2f%% %+6.2f  %s %s\n",
                   $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12 }'
}

printf '%4s  %-16s %8s %7s %10s %7s %8s %7s %9s %6s  %s\n' seed method 'ms' '' energy '' 'mm^2' '' \
  'test' '' 'accelerator network'
for seed in $seeds; do
  dance=$out/dance-$seed/codesign.json
  [ -e "$dance" ] || codesign "$seed" "$out/dance-$seed"
  retrain "$seed" "$dance"
  row "$seed" dance "$dance"
  for part in $parts; do
    # All parts share the supernet and the accuracies in one folder, so each record is copied.
    record=$out/phases-$seed-$part.json
    if [ ! -e "$record" ]; then
      limits=$(jq -r --argjson part "$part" '.best | "codesign.max_latency_ms=\($part * .latency_ms)
        codesign.max_energy=\($part * .energy) codesign.max_area_mm2=\(.area_mm2)"' "$dance")
      read -ra limits <<< "${limits//$'\n'/ }"
      status=0
      codesign "$seed" "$out/phases-$seed" --allow-changes codesign.method=multi_phase \
        search.population=20 search.parents=5 "search.generations=$((searched / 20 - 1))" \
        "${limits[@]}" || status=$?
      if [ "$status" -eq 4 ]; then
        printf '%4s  %-16s no pair meets these limits\n' "$seed" "multi_phase $part"
        continue
      fi
      [ "$status" -eq 0 ] || exit "$status"
      cp "$out/phases-$seed/codesign.json" "$record"
    fi
    retrain "$seed" "$record"
    row "$seed" "multi_phase $part" "$record"
  done
done
