#!/bin/bash
# All search methods on networks whose accuracies are known:
#   scripts/paper/methods.sh [--quick] [--gpu] DATA OUT [key=value ...]
# Runs scripts/method_tables.sh on NAS-Bench-201 and NAS-Bench-Macro; one that DATA lacks is left out.
#   SEARCHES: per method and table (default 100; quick: 10). METHODS: as for method_tables.sh.
# shellcheck source=scripts/paper/lib.sh
source "$(dirname "$0")/lib.sh"
begin "Search methods" "$@"
[ -e "$data/nas_bench_201" ] || [ -e "$data/nas_bench_macro" ] ||
  skip "$data has neither nas_bench_201 nor nas_bench_macro"
searches=${SEARCHES:-100}
! $quick || searches=${SEARCHES:-10}

run_tables() { # SEARCHES METHODS [key=value ...]
  HSCONAS=$hsconas SEEDS=$1 METHODS=$2 "$here/scripts/method_tables.sh" "$data" "$runs" "${@:3}" >&2
  echo '{}'
}
step all compare-methods run_tables "$searches" "${METHODS-}" ${overrides[@]+"${overrides[@]}"}

says "The methods' own papers search other spaces; nothing there can be compared with these tables."
names=top_median,top_p90,best_median,reported_50,reported_100,reported_200,regret,seconds,p
columns='until the top 0.1 %,of 90 %,until the best,accuracy after 50,after 100,after 200,regret,seconds,p against random'
for csv in "$runs"/*/methods.csv; do
  of=$(basename "$(dirname "$csv")")
  {
    echo "method,$columns"
    columns "method,$names" < "$csv" | tail -n +2
  } | summary 1 '%.0f %.0f %.0f %.4f %.4f %.4f %.4f %.3f %.3g' |
    table "$of" "$of: $searches searches of 500 evaluations per method; medians, and what 90 % of the searches need; an empty cell: not in 500"
done
{
  echo series,label,value
  for csv in "$runs"/*/methods.csv; do
    of=$(basename "$(dirname "$csv")")
    columns method,top_median < "$csv" | awk -v "series=$of" 'NR > 1 { print series "," $0 }'
  done
} | plot effort bars "Median evaluations until the top 0.1 % (no bar: not in half of the searches)" evaluations ""
finish
