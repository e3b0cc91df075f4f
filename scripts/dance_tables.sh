#!/bin/bash
# Compares DANCE with its baselines, and shows the effects of the penalty's weight, of the warm-up
# and of the cost function:
#   scripts/dance_tables.sh OUT [key=value ...]
# OUT is a folder for the runs; a second call runs only what is missing. The config is
# configs/dance.json; key=value overrides it, for example data.path. JOBS is the number of parallel
# runs (default: one per core), each with one thread. All costs are computed by the accelerator
# model. SEEDS (with 1 among them) and WEIGHTS (likewise) run a part.
set -euo pipefail
needs=1
# shellcheck source=scripts/program.sh
source "$(dirname "$0")/program.sh"
here=$(cd "$(dirname "$0")/.." && pwd)
mkdir -p "$1"
out=$(cd "$1" && pwd)
shift
overrides=("$@")
jobs=${JOBS:-$(nproc)}
seeds=${SEEDS:-1 2 3}
weights=${WEIGHTS:-0.03 0.1 0.3 1 3}
# The config's own weight is 1, so this run is dance-1.
name_of() { if [ "$1" = 1 ]; then echo dance-1; else echo "weight-$1"; fi; }

# run NAME EVALUATOR [key=value ...]: runs one search. Searches with the same EVALUATOR (cost
# networks for one seed and cost function) train it only once.
run() {
  local dir=$out/$1 evaluator=$out/evaluators/$2.safetensors
  [ -e "$dir/codesign.json" ] && return
  mkdir -p "$dir/checkpoints"
  if [ -e "$evaluator" ]; then cp -n "$evaluator" "$dir/checkpoints/dance-evaluator.safetensors"; fi
  "$hsconas" -q codesign --config "$here/configs/dance.json" --work-dir "$dir" --resume \
    "codesign.designs=$here/configs/designs/dance.json" device.threads=1 data.workers=1 \
    ${overrides[@]+"${overrides[@]}"} "${@:3}" > "$dir/out.txt"
  mkdir -p "$out/evaluators"
  if [ -e "$dir/checkpoints/dance-evaluator.safetensors" ]; then
    cp -n "$dir/checkpoints/dance-evaluator.safetensors" "$evaluator"
  fi
}

# Reads lines of arguments and calls run() for each, `jobs` at a time.
run_all() {
  local line words
  while read -r line; do
    while [ "$(jobs -rp | wc -l)" -ge "$jobs" ]; do wait -n; done
    read -ra words <<< "$line"
    run "${words[@]}" &
  done
  while [ -n "$(jobs -rp)" ]; do wait -n; done
}

command -v jq > /dev/null || { echo "$0: needs jq" >&2; exit 3; }

# value NAME FILTER: applies a jq filter to the result of run NAME.
value() { jq -r "$2" "$out/$1/codesign.json"; }

heading() {
  printf '\n%s\n%-22s %9s %9s %9s %8s %7s %10s %10s %8s  %-16s %s\n' "$1" run 'test %' \
    'held-out%' EDAP MACs 'skips %' 'ms' energy 'mm^2' accelerator network
}

row() {
  local figures
  read -ra figures < <(value "$1" '"\(100 * .dance.test_accuracy) \(100 * .best.accuracy)",
    (.dance | "\(.edap) \(.macs / 1e6) \(100 * .skip_share)"),
    (.best | "\(.latency_ms) \(.energy) \(.area_mm2) \(.design) \(.arch)")' | paste -s -d ' ')
  printf '%-22s %9.2f %9.2f %9.3g %7.2fM %7.0f %10.4f %10.3g %8.3f  %-16s %s\n' "$1" "${figures[@]}"
}

# Spearman's rank correlation of two columns on stdin, which must have no ties.
spearman() {
  awk '{ x[NR] = $1; y[NR] = $2 }
       END { for (i = 1; i <= NR; i++) { a = b = 0
               for (j = 1; j <= NR; j++) { a += x[j] < x[i]; b += y[j] < y[i] }
               sum += (a - b) ^ 2 }
             printf "%.2f\n", 1 - 6 * sum / (NR * (NR * NR - 1)) }'
}

# The first run with an evaluator trains it, so it must end before other runs can use the evaluator.
first_runs() {
  for seed in $seeds; do echo "dance-$seed edap-$seed seed=$seed"; done
  for metric in latency energy area; do
    echo "only-$metric $metric-1 codesign.dance.cost=linear codesign.dance.latency_weight=0" \
      "codesign.dance.energy_weight=0 codesign.dance.area_weight=0 codesign.dance.${metric}_weight=1"
  done
}
other_runs() {
  for seed in $seeds; do
    # With weight 0.3 this penalty costs about as much accuracy as DANCE; with 1 it costs 2 % more.
    echo "macs-$seed none seed=$seed codesign.dance.penalty=macs codesign.dance.penalty_weight=0.3"
    echo "none-$seed none seed=$seed codesign.dance.penalty=none"
  done
  for weight in $weights; do
    echo "$(name_of "$weight") edap-1 codesign.dance.penalty_weight=$weight"
  done
  # With this weight and learning rate, choices become final before the weights are trained.
  for seed in $seeds; do
    for epochs in 8 0; do
      echo "warm-up-$epochs-$seed edap-$seed seed=$seed codesign.dance.penalty_weight=10" \
        "codesign.dance.choice_lr=0.5 codesign.dance.warmup_epochs=$epochs"
    done
  done
}
run_all < <(first_runs)
run_all < <(other_runs)

heading 'Penalty on cost (DANCE), on multiply-adds, none; each network on its best accelerator'
for penalty in dance macs none; do
  for seed in $seeds; do row "$penalty-$seed"; done
done

heading 'Increasing weight of the penalty'
for weight in $weights; do row "$(name_of "$weight")"; done
echo "Spearman of weight and EDAP: $(for weight in $weights; do
  echo "$weight $(value "$(name_of "$weight")" .dance.edap)"
done | spearman)"

heading 'A large weight of the penalty, with a warm-up of 8 epochs and without'
for epochs in 8 0; do
  for seed in $seeds; do row "warm-up-$epochs-$seed"; done
done

heading 'Cost functions'
row dance-1
for metric in latency energy area; do row "only-$metric"; done
