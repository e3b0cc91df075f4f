#!/bin/bash
# How shared weights rank networks whose true accuracies are known:
#   scripts/paper/ranking.sh [--quick] [--gpu] DATA OUT [key=value ...]
# Runs scripts/rank_tables.sh on CIFAR-10 (DATA/images/cifar10, unpacked into OUT) and the accuracies
# of NAS-Bench-Macro and Channel-Bench-Macro; one that DATA lacks is left out.
#   SEEDS: default 1 2 3; quick: 1. EPOCHS: default 60; quick: 1. PATHS, NETWORKS: as for
#   rank_tables.sh; quick: uniform and 40. key=value changes the config.
# shellcheck source=scripts/paper/lib.sh
source "$(dirname "$0")/lib.sh"
begin "Ranking by shared weights" "$@"
if [ ! -e "$data/nas_bench_macro" ] && [ ! -e "$data/channel_bench_macro" ]; then
  skip "$data has neither nas_bench_macro nor channel_bench_macro"
fi
for benchmark in nas_bench_macro channel_bench_macro; do
  [ -e "$data/$benchmark" ] || left_out "$data/$benchmark, which is missing"
done
images=$(cifar10_tree)
seeds=${SEEDS:-1 2 3} epochs=${EPOCHS:-60} paths=${PATHS-} networks=${NETWORKS-}
settings=()
if $quick; then
  seeds=${SEEDS:-1} epochs=${EPOCHS:-1} paths=${PATHS:-uniform} networks=${NETWORKS:-40}
  settings+=(data.train_images=4000 data.holdout_images=1000 data.test_images=500
    score.calibration_images=250 score.validation_images=500)
fi
! $gpu || settings+=(device.type=cuda)
settings+=(${overrides[@]+"${overrides[@]}"})

# rank_tables.sh itself continues what it has begun.
run_tables() { # SEEDS EPOCHS PATHS NETWORKS [key=value ...]
  HSCONAS=$hsconas SEEDS=$1 EPOCHS=$2 PATHS=$3 NETWORKS=$4 \
    "$here/scripts/rank_tables.sh" "$data" "$images" "$runs" "${@:5}" >&2
  echo '{}'
}
step all rank run_tables "$seeds" "$epochs" "$paths" "$networks" "${settings[@]}"

# Its table is Markdown.
sed -n '/^|---/!{s/^| *//;s/ *|$//;s/ *| */,/g;p}' "$runs/ranking.md" |
  sed '1s/.*/space,paths,ranked by,seed,epochs,tau,tau within bins,tau of the best tenth,regret (%)/' > "$folder/runs.csv"

says "On NAS-Bench-Macro, multiply-adds alone have a tau of .556 with the true accuracies, and two \
training seeds .882 with each other, which no ranking can beat (computed from the published \
accuracies)."
summary 3 '- %.3g! %.3f %.3f %.3f %.2f' < "$folder/runs.csv" |
  table ranking "Kendall's tau of scores by shared weights and true accuracies on ${networks:-500 (256)} networks; bins of equal multiply-adds; by accuracy or by likelihood (the mean probability of the right classes) with shared weights; regret is the accuracy lost by taking the first; $(seeds_text "$seeds")"
{
  echo series,label,value
  summary 3 '- - %.3f! %.3f! - -' < "$folder/runs.csv" |
    awk -F, 'NR > 1 { label = $1 ": " ($2 == "" ? "" : $2 " by ") $3
                      print "overall," label "," $4; print "within bins," label "," $5 }'
} | plot ranking_plot bars "Kendall's tau with the true accuracies" tau ""
single_runs
finish
