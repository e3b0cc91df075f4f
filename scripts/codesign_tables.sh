#!/bin/bash
# Compares coupled, decoupled and semi-decoupled co-design: evaluations, time and the best pair, one
# line per method:
#   scripts/codesign_tables.sh ACCURACIES OUT [key=value ...]
# ACCURACIES is a CSV of known accuracies of the config's networks (column mean_acc). OUT is a
# folder for the runs; semi_decoupled/ranks.svg in it is the heat map of rank correlations between
# designs. The config is configs/codesign.json; key=value overrides it.
set -euo pipefail
here=$(dirname "$0")/..
hsconas=${HSCONAS:-$here/build/release/hsconas}
[ $# -ge 2 ] || { sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p}' "$0" >&2; exit 2; }
accuracies=$1
out=$2
shift 2

command -v jq > /dev/null || { echo "$0: needs jq" >&2; exit 3; }

printf '%-16s %9s %10s %9s %9s %12s %14s  %s\n' method networks pairs seconds 'accuracy' \
  'latency ms' energy 'network, accelerator'
for method in coupled decoupled semi_decoupled; do
  read -ra figures < <("$hsconas" --json -q codesign --config "$here/configs/codesign.json" \
    --work-dir "$out/$method" --overwrite "codesign.designs=$here/configs/designs/semi-decoupled.json" \
    "codesign.accuracies=$accuracies" "codesign.method=$method" "$@" |
    jq -r '"\(.evaluations.networks) \(.evaluations.pairs) \(.seconds) \(100 * .best.accuracy)",
           (.best | "\(.latency_ms) \(.energy) \(.arch) \(.design)")' | paste -s -d ' ')
  printf '%-16s %9s %10s %9.2f %8.2f%% %12.4f %14.4g  %s, %s\n' "$method" "${figures[@]}"
done
echo "heat map: $out/semi_decoupled/ranks.svg"
