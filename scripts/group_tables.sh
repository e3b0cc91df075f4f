#!/bin/bash
# Measures what groups of a batch cost or gain in accuracy: trains supernets on the built-in images
# with several numbers of groups, and scores the same random networks with each.
#   scripts/group_tables.sh [OUT] [--quick] [key=value ...]
# OUT (default: group_tables) gets a folder for each training, which is continued by the next call if
# it was stopped, and groups.md. All trainings see the same number of images. --quick trains for a
# tenth of the time. Further words change the config.
#   BATCHES, GROUP_COUNTS, SEEDS: lists, to run a part; JOBS: trainings at once (default 1).
set -euo pipefail
needs=0
# shellcheck source=scripts/program.sh
source "$(dirname "$0")/program.sh"
out=group_tables
words=()
for word in "$@"; do
  case $word in
    --quick) words+=(supernet.epochs=2) ;;
    *=*) words+=("$word") ;;
    -*) echo "$0: unknown option $word" >&2; exit 2 ;;
    *) out=$word ;;
  esac
done
mkdir -p "$out"

networks=40
train() { # OUT HSCONAS BATCH GROUPS SEED [key=value ...]
  local run=$1/batch-$3-groups-$4-seed-$5
  [ -e "$run/result.json" ] ||
    "$2" -q search --config quickstart --work-dir "$run" --resume "seed=$5" "supernet.batch=$3" \
      "supernet.groups=$4" latency.accelerator=kc-p latency.target_position=0.5 \
      'shrink.stages=[]' search.method=random search.population=20 search.parents=2 \
      search.generations=1 search.racing=1 search.latency_tolerance=1 search.baseline_samples=1 \
      score.validation_images=1000 "${@:6}" > "$run.txt" || { cat "$run.txt" >&2; return 1; }
}
export -f train

batches=${BATCHES:-64 128}
counts=${GROUP_COUNTS:-1 2 4}
seeds=${SEEDS:-1 2 3}
# shellcheck disable=SC2016 # The shells that xargs starts expand this.
for seed in $seeds; do
  for batch in $batches; do
    for count in $counts; do echo "$batch $count $seed"; done
  done
done | xargs -P "${JOBS:-1}" -L 1 bash -c 'train "$0" "$1" "${@: -3}" "${@:2:$#-4}"' \
  "$out" "$hsconas" ${words[@]+"${words[@]}"}

# Mean accuracy of the networks that the search scored, which are the first lines of the file.
accuracy_of() { # BATCH GROUPS SEED
  awk -F, -v n="$networks" 'NR > 1 && NR <= n + 1 { sum += $3; ++count }
    END { printf "%.3f", sum / count }' "$out/batch-$1-groups-$2-seed-$3/candidates.csv"
}
table=$out/groups.md
{
  echo "| images per step | groups | images per group | mean accuracy by seed | mean |"
  echo "|---|---|---|---|---|"
  for batch in $batches; do
    for count in $counts; do
      values=$(for seed in $seeds; do accuracy_of "$batch" "$count" "$seed"; echo; done)
      printf '| %s | %s | %s | %s | %s |\n' "$batch" "$count" "$((batch / count))" \
        "$(paste -sd ' ' <<< "$values")" \
        "$(awk '{ sum += $1 } END { printf "%.3f", sum / NR }' <<< "$values")"
    done
  done
} > "$table"
cat "$table"
