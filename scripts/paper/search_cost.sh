#!/bin/bash
# What a search costs: seconds of each stage on this machine:
#   scripts/paper/search_cost.sh [--quick] [--gpu] DATA OUT [key=value ...]
# Runs nothing itself, but reads OUT/steps.tsv, which the other scripts have written; run main_table.sh
# before. A step that was stopped and continued counts with its last part only, and is said to have
# been stopped.
# shellcheck source=scripts/paper/lib.sh
source "$(dirname "$0")/lib.sh"
begin "Search cost" "$@"
[ -s "$steps" ] || skip "no other script has run in $out yet; run main_table.sh first"

awk -F'\t' '
  { step = $3; sub(/-[0-9]+$/, "", step)
    key = $1 "\t" $2 "\t" $3 "\t" $4
    if ($5 == "started") ++started[key]
    else if (started[key]) { seconds[key] = $6; script[key] = $1; what[key] = step
                             if (!(key in seen)) { seen[key] = 1; order[++count] = key } } }
  END { print "script,stage,seconds,stopped"
        for (i = 1; i <= count; ++i) { k = order[i]
          print script[k] "," what[k] "," seconds[k] "," started[k] - 1 } }' "$steps" > "$folder/runs.csv"
[ "$(wc -l < "$folder/runs.csv")" -gt 1 ] || skip "no step of another script has ended yet"

says "SPOS's released code scores at most 50 + 20 x 50 = 1,050 networks in its evolution and trains \
its supernet for 150,000 steps of 1,024 images (computed from the code). Hours of HSCoNAS are not in \
the sources at hand."
{
  echo 'script,stage,steps,seconds of a step,seconds in all,stopped and continued'
  awk -F, 'NR > 1 { key = $1 "," $2; if (!(key in n)) order[++count] = key
                    ++n[key]; sum[key] += $3; stopped[key] += $4 }
           END { for (i = 1; i <= count; ++i) { k = order[i]
                   printf "%s,%d,%.1f,%d,%d\n", k, n[k], sum[k] / n[k], sum[k], stopped[k] } }' "$folder/runs.csv"
} | table search_cost "Seconds on $(nproc) cores ($(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1 | tr -d ,))"
note "One more target costs a shrink and a search; the supernet and the latency table are shared."
{
  echo series,label,value
  awk -F, '$1 == "main_table" || $1 == "supernet" || $1 == "latency_model" {
             key = $1 ": " $2; if (!(key in n)) order[++count] = key; ++n[key]; sum[key] += $3 }
           END { for (i = 1; i <= count; ++i) print "," order[i] "," sum[order[i]] / n[order[i]] }' "$folder/runs.csv"
} | plot search_cost_plot bars "Mean seconds of a step" seconds ""
single_runs
finish
