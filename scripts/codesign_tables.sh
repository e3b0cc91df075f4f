#!/bin/bash
# Compares the co-design methods on known accuracies: evaluations, time and the best pair, one line
# per method. The first three try all networks, so coupled's pair is the optimum; the others search:
#   scripts/codesign_tables.sh ACCURACIES OUT [key=value ...]
# ACCURACIES is a CSV of known accuracies of the config's networks (column mean_acc). OUT is a
# folder for the runs; semi_decoupled/ranks.svg in it is the heat map of rank correlations between
# designs. The config is configs/codesign.json; key=value overrides it. DESIGNS and METHODS replace
# the design space and the methods, SEARCHED the number of pairs that a search tries, a multiple of
# 20; 400 by default.
set -euo pipefail
here=$(dirname "$0")/..
hsconas=${HSCONAS:-$here/build/release/hsconas}
[ $# -ge 2 ] || { sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p}' "$0" >&2; exit 2; }
accuracies=$1
out=$2
shift 2

command -v jq > /dev/null || { echo "$0: needs jq" >&2; exit 3; }

designs=${DESIGNS:-$here/configs/designs/semi-decoupled.json}
methods=${METHODS:-coupled decoupled semi_decoupled random evolution two_level multi_phase bayesian}
searched=${SEARCHED:-400}

printf '%-16s %9s %10s %9s %9s %12s %14s  %s\n' method networks pairs seconds 'accuracy' \
  'latency ms' energy 'network, accelerator'
for method in $methods; do
  settings=("codesign.method=$method" "search.population=20" "search.parents=5"
    "search.generations=$((searched / 20 - 1))")
  # coupled by search instead of trying all pairs.
  [ "$method" != evolution ] || settings[0]=codesign.method=coupled
  [ "$method" != evolution ] || settings+=(codesign.exhaustive_pairs=0)
  read -ra figures < <("$hsconas" --json -q codesign --config "$here/configs/codesign.json" \
    --work-dir "$out/$method" --overwrite "codesign.designs=$designs" ${DESIGNS:+codesign.proxy=} \
    "codesign.accuracies=$accuracies" "${settings[@]}" "$@" |
    jq -r '"\(.evaluations.networks) \(.evaluations.pairs) \(.seconds) \(100 * .best.accuracy)",
           (.best | "\(.latency_ms) \(.energy) \(.arch) \(.design)")' | paste -s -d ' ')
  printf '%-16s %9s %10s %9.2f %8.2f%% %12.4f %14.4g  %s, %s\n' "$method" "${figures[@]}"
done
[ ! -e "$out/semi_decoupled/ranks.svg" ] || echo "heat map: $out/semi_decoupled/ranks.svg"
