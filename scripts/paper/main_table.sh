#!/bin/bash
# The main table: the winner for each latency target against a ShuffleNetV2-like and a MobileNetV2-
# like network of the same latency, trained alike:
#   scripts/paper/main_table.sh [--quick] [--gpu] DATA OUT [key=value ...]
# The two families have the skeleton of the config's space, with all channels multiplied by the same
# factor: ShuffleNetV2 blocks with kernel 3, and MobileNetV2 blocks with expansion 6 and kernel 3. Of
# each family, the network is taken that is the least slower than the winner, as measured right after
# it and for seconds each, because a machine that others use does not keep its speed. Latencies are
# those of this CPU, or of the GPU with --gpu.
#   TARGETS: positions of the targets between the fastest (0) and the slowest network (1) of the
#   space (default: 0.2 0.4 0.6; quick: 0.25 0.5). SEEDS: default 1 2 3; quick: 1.
#   IMAGES: fashion_mnist (default), cifar10 or builtin. key=value changes the config.
# shellcheck source=scripts/paper/lib.sh
source "$(dirname "$0")/lib.sh"
begin "Winners against networks of the same latency" "$@"
search_settings
targets=${TARGETS:-0.2 0.4 0.6}
factors=(0.2 0.3 0.4 0.5 0.6 0.7 0.8 0.9 1.0 1.2 1.4 1.6 1.8 2.0)
rounds=1500
if $quick; then
  targets=${TARGETS:-0.25 0.5}
  seeds=${SEEDS:-1}
  factors=(0.2 0.3 0.4 0.5 0.6 0.8 1.0 1.3 1.6)
  rounds=300
fi
device=cpu
! $gpu || device=cuda
families="shufflenetv2 mobilenetv2"
operator_of() { case $1 in shufflenetv2) echo shuffle_k3 ;; mobilenetv2) echo mbconv_e6_k3 ;; esac; }
title_of() { case $1 in shufflenetv2) echo "ShuffleNetV2-like" ;; mobilenetv2) echo "MobileNetV2-like" ;; esac; }

table_file=$(device_table $device)
skeleton=$("$hsconas" config print "${settings[@]}" | jq -c .space)
layers=$(jq '[.stages[].layers] | add' <<< "$skeleton")

# The settings of the only network of a family at a factor, and the network itself, in `network`.
family_settings() { # FAMILY FACTOR
  local scaled
  scaled=$(jq -c --argjson factor "$2" 'def scale: [4, (. * $factor / 4 | round) * 4] | max;
    .stem.channels |= scale | .stages[].channels |= scale' <<< "$skeleton")
  network=("${settings[@]}" "space.operators=[\"$(operator_of "$1")\"]" 'space.widths=[1.0]'
    space.channel_divisor=1 "space.stem=$(jq -c .stem <<< "$scaled")"
    "space.stages=$(jq -c .stages <<< "$scaled")" "latency.device=$device"
    --arch "$(printf '0%.0s' $(seq "$layers"))")
}

# Milliseconds of a network, from the answer of a step.
measured() { jq '.architectures[0].measured_ms' "$(answer "$1" "$2")"; } # RUN STEP

# Measures networks of a family until it knows the fastest of those that are not faster than a
# winner: by bisection, because larger ones are slower. Sets `factor` (the largest if all are faster)
# and `compared`, the step that measured that network.
find_equal() { # FAMILY WINNER
  local least=0 most=$((${#factors[@]} - 1)) middle
  compared=measure-$2
  while true; do
    middle=$(((least + most) / 2))
    factor=${factors[$middle]}
    family_settings "$1" "$factor"
    step "$1-$factor" "$compared" program predict "${network[@]}" "latency.rounds=$rounds" --measure
    [ "$least" -lt "$most" ] || return 0
    if jq -en "$(measured "$1-$factor" "$compared") >= $(measured "$2" measure)" > /dev/null; then
      most=$middle
    else
      least=$((middle + 1))
    fi
  done
}

row() { # TARGET T TITLE MEASURED PREDICTED RETRAIN_ANSWER
  jq -r --arg target "$1" --arg t "$2" --arg title "$3" --arg ms "$4" --arg predicted "$5" '
    [$target, $title, 100 * .test_accuracy, $t, $predicted, $ms, .macs / 1e6, .parameters / 1e6]
    | @csv' "$6"
}

header='target,network,test accuracy (%),T (ms),predicted (ms),measured (ms),multiply-adds (M),parameters (M)'
echo "$header" > "$folder/runs.csv.tmp"
for target in $targets; do
  for seed in $seeds; do
    run=winner-$target-$seed
    trained=$(supernet shared "$seed")
    search_run "$run" "$trained" "seed=$seed" "latency.table=$table_file" "latency.target_position=$target"
    retrain_winner "$run"
    arch=$(jq -r .winner.arch "$(answer "$run" search)")
    step "$run" measure program predict "${settings[@]}" "latency.device=$device" \
      "latency.rounds=$rounds" --arch "$arch" --table "$table_file" --measure
    t=$(jq .target_ms "$(answer "$run" search)")
    predicted=$(jq '.architectures[0].predicted_ms' "$(answer "$run" measure)")
    row "$target" "$t" winner "$(measured "$run" measure)" "$predicted" \
      "$(answer "$run" retrain)" >> "$folder/runs.csv.tmp"
    for family in $families; do
      find_equal "$family" "$run"
      step "$family-$factor" "retrain-$seed" program retrain "${network[@]}" "seed=$seed" \
        --out "$runs/$family-$factor-$seed" --resume
      row "$target" "$t" "$(title_of "$family")" "$(measured "$family-$factor" "$compared")" "" \
        "$(answer "$family-$factor" "retrain-$seed")" >> "$folder/runs.csv.tmp"
    done
  done
done
mv "$folder/runs.csv.tmp" "$folder/runs.csv"

says "HSCoNAS's own table of results is not in the sources at hand. The network that SPOS released \
has 323 M multiply-adds and 25.6 % top-1 error on ImageNet. These \
are other images, so nothing below may be compared with that."
summary 2 '%.2f %.3f! %.3f %.3f %.2f %.3f' < "$folder/runs.csv" |
  table main_table "Trained alone on $images with the same recipe; $(seeds_text "$seeds"); milliseconds per batch on this $device"
{
  echo series,x,y
  awk -F, 'NR > 1 { gsub(/"/, "", $2); print $2 "," $6 "," $3 }' "$folder/runs.csv"
} | plot main_plot points "Accuracy and latency, all runs" "measured (ms per batch)" "test accuracy (%)"
single_runs
finish
