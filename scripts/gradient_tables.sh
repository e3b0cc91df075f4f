#!/bin/bash
# Compares networks that supernet.method finds by gradient (mixed_level, bilevel, single_level) with
# a random network near T. Each is trained alone:
#   scripts/gradient_tables.sh OUT [key=value ...]
# OUT is a folder for the runs; a second call runs only what is missing. The config is
# configs/dance.json with fewer images and epochs, so that a run takes a minute or two; key=value
# overrides it, for example data.path. SEEDS (default "1 2 3") are the seeds, METHODS the methods,
# JOBS the number of parallel runs (default: one per core), each with one thread. Latencies are those
# of an accelerator design, so nothing is timed.
set -euo pipefail
needs=1
# shellcheck source=scripts/program.sh
source "$(dirname "$0")/program.sh"
here=$(cd "$(dirname "$0")/.." && pwd)
command -v jq > /dev/null || { echo "$0: needs jq" >&2; exit 3; }
mkdir -p "$1"
out=$(cd "$1" && pwd)
shift
seeds=${SEEDS:-1 2 3}
methods=${METHODS:-mixed_level bilevel single_level}
jobs=${JOBS:-$(nproc)}
common=(
  "latency.accelerator=$here/configs/accelerators/kc-p.json" latency.target_position=0.7
  device.threads=1 data.workers=1 data.train_images=5000 score.calibration_images=500
  search.baseline_samples=10 supernet.batch=32 supernet.epochs=6 supernet.lr=0.05
  retrain.batch=32 retrain.epochs=8 retrain.lr=0.05 retrain.warmup_epochs=0.2
  retrain.clip_norm=5 retrain.average_decay=0.99 retrain.use_holdout=false "$@")
# Settings of the search by gradient, which a retraining refuses.
gradient=(
  supernet.gradient.choice_every=4 supernet.gradient.choice_lr=0.05
  supernet.gradient.temperature=1 supernet.gradient.readings=5)

# search METHOD SEED
search() {
  local dir=$out/$1-$2
  [ -e "$dir/result.json" ] && return
  "$hsconas" -q search --config "$here/configs/dance.json" --work-dir "$dir" --resume \
    "${gradient[@]}" "${common[@]}" "supernet.method=$1" "seed=$2" > "$dir.txt"
}

# retrain NAME SEED ARCH
retrain() {
  local dir=$out/$1-$2-alone
  [ -e "$dir/result.json" ] && return
  "$hsconas" -q retrain --config "$here/configs/dance.json" --arch "$3" --out "$dir" --resume \
    "${common[@]}" "seed=$2" > "$dir.txt"
}

# Calls the given function for each line of arguments on stdin, `jobs` at a time.
run_all() {
  local line words
  while read -r line; do
    while [ "$(jobs -rp | wc -l)" -ge "$jobs" ]; do wait -n; done
    read -ra words <<< "$line"
    "$1" "${words[@]}" < /dev/null &
  done
  while [ -n "$(jobs -rp)" ]; do wait -n; done
}

# The random network of a seed: the first one of the baseline of the first method's run.
random_network() {
  jq -r '.random.candidates[0] | "\(.arch) \(.predicted_ms)"' "$out/${methods%% *}-$1/result.json"
}
# Network and latency of the winner of METHOD SEED.
winner() { jq -r '.winner | "\(.arch) \(.predicted_ms)"' "$out/$1-$2/result.json"; }
network() { if [ "$1" = random ]; then random_network "$2"; else winner "$1" "$2"; fi; }

run_all search < <(for seed in $seeds; do
  for method in $methods; do echo "$method $seed"; done
done)
run_all retrain < <(for seed in $seeds; do
  for method in $methods random; do echo "$method $seed $(network "$method" "$seed" | cut -d ' ' -f 1)"; done
done)

target=$(jq -r .target_ms "$out/${methods%% *}-${seeds%% *}/result.json")
printf 'Test accuracy of the networks trained alone; latency relative to T = %.4g ms\n' "$target"
printf '%-14s %5s %8s %9s %10s %10s  %s\n' method seed 'test %' 'ms / T' 'held-out%' 'front' network
for method in $methods random; do
  sum=0 squares=0 n=0
  for seed in $seeds; do
    read -r arch ms < <(network "$method" "$seed")
    test=$(jq '100 * .test_accuracy' "$out/$method-$seed-alone/result.json")
    shared=- front=-
    if [ "$method" != random ]; then
      shared=$(jq '100 * .winner.accuracy' "$out/$method-$seed/result.json")
      front=$(jq '.search.front | length' "$out/$method-$seed/result.json")
    fi
    awk -v m="$method" -v s="$seed" -v t="$test" -v r="$ms" -v T="$target" -v h="$shared" \
      -v f="$front" -v a="$arch" 'BEGIN {
        printf "%-14s %5d %8.2f %9.3f %10s %10s  %s\n", m, s, t, r / T, substr(h, 1, 5), f, a }'
    read -r sum squares n < <(awk -v s="$sum" -v q="$squares" -v n="$n" -v t="$test" \
      'BEGIN { print s + t, q + t * t, n + 1 }')
  done
  awk -v m="$method" -v s="$sum" -v q="$squares" -v n="$n" 'BEGIN {
    v = n > 1 ? (q - s * s / n) / (n - 1) : 0
    printf "%-14s  mean %8.2f +- %.2f (standard deviation of %d)\n", m, s / n, sqrt(v > 0 ? v : 0), n }'
done
