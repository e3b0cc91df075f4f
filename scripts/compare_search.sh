#!/bin/bash
# Compares evolution with random search at an equal number of evaluations, on the trained supernet
# of a finished run:
#   scripts/compare_search.sh RUN CONFIG [key=value ...]
# CONFIG and key=value must be those of RUN. Known scores are not computed again. Prints one line
# per search seed; exits with 1 when random search was better for any of them.
set -euo pipefail
needs=2
# shellcheck source=scripts/program.sh
source "$(dirname "$0")/program.sh"
command -v jq > /dev/null || { echo "$0: needs jq" >&2; exit 3; }
run=$1 config=$2
shift 2

best_score() {
  "$hsconas" --json -q search --config "$config" --work-dir "$run" --resume --allow-changes "$@" |
    jq .winner.score
}

lost=0
printf '%-6s %-12s %-12s\n' seed evolution random
for seed in 0 1 2; do
  evolution=$(best_score "$@" search.seed=$seed search.method=evolution)
  random=$(best_score "$@" search.seed=$seed search.method=random)
  printf '%-6s %-12s %-12s\n' "$seed" "$evolution" "$random"
  awk -v e="$evolution" -v r="$random" 'BEGIN { exit !(e >= r) }' || lost=1
done
exit $lost
