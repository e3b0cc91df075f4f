#!/bin/bash
# Compares the co-design methods on known accuracies: evaluations, time, the best pair and how many
# percentage points its accuracy is below that of the best of all pairs, one line per method. The
# first three methods try all networks, the others search:
#   scripts/codesign_tables.sh ACCURACIES OUT [key=value ...]
# ACCURACIES is a CSV of known accuracies of the config's networks (column mean_acc). OUT is a
# folder for the runs; semi_decoupled/ranks.svg in it is the heat map of rank correlations between
# designs. The config is configs/codesign.json; key=value overrides it. DESIGNS and METHODS replace
# the design space and the methods, SEARCHED the number of pairs that a search tries, a multiple of
# 20; 400 by default.
set -euo pipefail
needs=2
# shellcheck source=scripts/program.sh
source "$(dirname "$0")/program.sh"
here=$(dirname "$0")/..
accuracies=$1
out=$2
shift 2

command -v jq > /dev/null || { echo "$0: needs jq" >&2; exit 3; }

designs=${DESIGNS:-$here/configs/designs/semi-decoupled.json}
methods=${METHODS:-coupled decoupled semi_decoupled random evolution two_level multi_phase bayesian}
searched=${SEARCHED:-400}

# The accuracy of the best of all pairs. Where a run may not try all pairs, as with evolution below,
# it is that of an earlier run.
optimum=null
printf '%-16s %9s %10s %9s %9s %8s %12s %14s  %s\n' method networks pairs seconds 'accuracy' \
  gap 'latency ms' energy 'network, accelerator'
for method in $methods; do
  settings=("codesign.method=$method" "search.population=20" "search.parents=5"
    "search.generations=$((searched / 20 - 1))")
  # coupled by search instead of trying all pairs.
  [ "$method" != evolution ] || settings[0]=codesign.method=coupled
  [ "$method" != evolution ] || settings+=(codesign.exhaustive_pairs=0)
  result=$("$hsconas" --json -q codesign --config "$here/configs/codesign.json" \
    --work-dir "$out/$method" --overwrite "codesign.designs=$designs" ${DESIGNS:+codesign.proxy=} \
    "codesign.accuracies=$accuracies" "${settings[@]}" "$@")
  optimum=$(jq --argjson before "$optimum" '.optimum.accuracy // $before' <<< "$result")
  read -ra figures < <(jq -r --argjson optimum "$optimum" '
    def gap: if $optimum == null then "-"
             else 1e4 * ($optimum - .best.accuracy) | round / 1e2 | tostring + "%" end;
    [.evaluations.networks, .evaluations.pairs, .seconds, 100 * .best.accuracy, gap,
     (.best | .latency_ms, .energy, .arch, .design)] | join(" ")' <<< "$result")
  printf '%-16s %9s %10s %9.2f %8.2f%% %8s %12.4f %14.4g  %s, %s\n' "$method" "${figures[@]}"
done
[ ! -e "$out/semi_decoupled/ranks.svg" ] || echo "heat map: $out/semi_decoupled/ranks.svg"
