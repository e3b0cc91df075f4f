#!/bin/bash
# DANCE against a penalty on multiply-adds and no penalty:
#   scripts/paper/dance.sh [--quick] [--gpu] DATA OUT [key=value ...]
# Runs scripts/dance_tables.sh on Fashion-MNIST, which DATA must have in images/fashion_mnist.
#   SEEDS: default 1 2 3; quick: 1; must contain 1. key=value changes the config.
# shellcheck source=scripts/paper/lib.sh
source "$(dirname "$0")/lib.sh"
begin "DANCE" "$@"
fashion=$data/images/fashion_mnist
[ -d "$fashion" ] || skip "$fashion is missing"
seeds=${SEEDS:-1 2 3}
weights="0.03 0.1 0.3 1 3"
settings=("data.path=$fashion")
if $quick; then
  seeds=${SEEDS:-1}
  weights="0.1 1"
  settings+=(data.train_images=3000 data.holdout_images=1000 data.test_images=2000 supernet.epochs=4
    codesign.dance.warmup_epochs=1 codesign.dance.cost_steps=1000 codesign.dance.generator_steps=500
    codesign.dance.generator_networks=2000)
fi
! $gpu || settings+=(device.type=cuda)
settings+=(${overrides[@]+"${overrides[@]}"})

# dance_tables.sh itself runs only what is missing.
run_tables() { # SEEDS WEIGHTS [key=value ...]
  HSCONAS=$hsconas SEEDS=$1 WEIGHTS=$2 "$here/scripts/dance_tables.sh" "$runs" "${@:3}" >&2
  echo '{}'
}
step all codesign run_tables "$seeds" "$weights" "${settings[@]}"

figures() { # TITLE RUN
  jq -r --arg title "$1" '[$title, 100 * .dance.test_accuracy, .dance.edap, .dance.macs / 1e6,
    .best.latency_ms, .best.energy, .best.area_mm2] | @csv' "$runs/$2/codesign.json"
}
columns='test accuracy (%),energy x delay x area,multiply-adds (M),latency (ms),energy,area (mm^2)'
formats='%.2f %.4g %.2f %.4f %.4g %.3f'

says "DANCE (abstract): a network that models the accelerator makes the relation of design and cost \
differentiable; the search by back-propagation finds better accuracy and cost than naive methods in a \
much shorter time. Its figures are not in the sources at hand."
{
  echo "penalty,$columns"
  for seed in $seeds; do
    figures "predicted cost (DANCE)" "dance-$seed"
    figures "multiply-adds" "macs-$seed"
    figures none "none-$seed"
  done
} > "$folder/runs.csv"
summary 1 "$formats" < "$folder/runs.csv" |
  table dance "Network with shared weights on its best accelerator; $(seeds_text "$seeds")"
{
  echo "weight of the penalty,$columns"
  for weight in $weights; do
    run=weight-$weight
    [ "$weight" != 1 ] || run=dance-1
    figures "$weight" "$run"
  done
} | summary 1 "$formats" | table weights "An increasing weight of the penalty, seed 1"
{
  echo "cost,$columns"
  figures "energy x delay x area" dance-1
  for metric in latency energy area; do figures "only $metric" "only-$metric"; done
} | summary 1 "$formats" | table costs "Cost functions, seed 1"
{
  echo series,x,y
  awk -F, 'NR > 1 { print $1 "," $3 "," $2 }' "$folder/runs.csv"
} | plot dance_plot points "Accuracy and cost, all seeds" "energy x delay x area" "test accuracy (%)"
single_runs
finish
