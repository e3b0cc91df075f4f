#!/bin/bash
# Networks searched for one device, on the others:
#   scripts/paper/specialisation.sh [--quick] [--gpu] DATA OUT [key=value ...]
# Prints a matrix of predicted latencies relative to each device's budget T, with the accuracies of
# the networks trained alone. The devices are shipped accelerators, whose latencies are computed, so
# that no hardware is needed; all searches share one supernet.
#   DEVICES: names in configs/accelerators (default: six; quick: three). SEEDS: default 1 2 3; quick:
#   1. IMAGES: fashion_mnist (default), cifar10 or builtin. key=value changes the config.
# shellcheck source=scripts/paper/lib.sh
source "$(dirname "$0")/lib.sh"
begin "Specialisation" "$@"
search_settings
devices=${DEVICES:-kc-p yr-p systolic-ws-128 gemmini-16 eyeriss-168 shidiannao-64}
if $quick; then
  devices=${DEVICES:-kc-p yr-p systolic-ws-128}
  seeds=${SEEDS:-1}
fi

archs=()
for seed in $seeds; do
  trained=$(supernet shared "$seed")
  for device in $devices; do
    search_run "$device-$seed" "$trained" "seed=$seed" latency.target_position=0.35 \
      "latency.accelerator=$accelerators/$device.json"
    retrain_winner "$device-$seed"
    archs+=(--arch "$(jq -r .winner.arch "$(answer "$device-$seed" search)")")
  done
done
for device in $devices; do
  step "$device" predict program predict "${settings[@]}" "latency.accelerator=$accelerators/$device.json" \
    "${archs[@]}"
done

{
  printf 'searched for,seed,test accuracy (%%)'
  for device in $devices; do printf ',on %s' "$device"; done
  echo
  i=0
  for seed in $seeds; do
    for device in $devices; do
      printf '%s,%s,%s' "$device" "$seed" "$(jq '100 * .test_accuracy' "$(answer "$device-$seed" retrain)")"
      for other in $devices; do
        jq -j --argjson i $i --argjson t "$(jq .target_ms "$(answer "$other-$seed" search)")" \
          '",", .architectures[$i].predicted_ms / $t' "$(answer "$other" predict)"
      done
      echo
      i=$((i + 1))
    done
  done
} > "$folder/runs.csv"

says "HSCoNAS (abstract) searches for a GPU, a CPU and an edge device. Its networks on each other's \
devices are not in the sources at hand."
summary 1 '- %.2f %.3f' < "$folder/runs.csv" |
  table specialisation "Predicted latency / T of the column's device, and accuracy of the networks trained alone on $images; $(seeds_text "$seeds")"
note "1 is the budget. A network of another device that is above 1 is too slow; one below 1 leaves time unused."
{
  echo series,label,value
  summary 1 '- - %.3f!' < "$folder/runs.csv" |
    awk -F, 'NR == 1 { n = split($0, head, ","); next }
             { for (i = 2; i <= n; ++i) print "searched for " $1 "," head[i] "," $i }'
} | plot matrix bars "Latency on each device" "predicted latency / T" ""
single_runs
finish
