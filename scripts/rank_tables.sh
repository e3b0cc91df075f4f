#!/bin/bash
# Trains supernets in each way that supernet.paths offers, and compares their ranking of networks
# with the accuracies of the same networks trained alone:
#   scripts/rank_tables.sh DATA IMAGES [OUT] [--quick] [key=value ...]
# DATA is a folder with nas_bench_macro/nas_bench_macro_cifar10.csv.gz and
# channel_bench_macro/mobilenet.csv.gz; a file that is missing is left out. IMAGES is CIFAR-10 as
# folders, train/ and test/ with one folder per class. OUT (default: rank_tables) gets a folder for
# each training, which is continued by the next call if it was stopped, and ranking.md. All ways run
# the same number of images through the supernet: a method that trains several paths per step trains
# fewer epochs. --quick trains for a twentieth of the time. Further words change the config.
#   SPACES, PATHS, SEEDS, EPOCHS, NETWORKS: lists, the epochs of `uniform`, and how many networks are
#   compared, to run a part.
set -euo pipefail
needs=2
# shellcheck source=scripts/program.sh
source "$(dirname "$0")/program.sh"
here=$(cd "$(dirname "$0")/.." && pwd)
epochs=${EPOCHS:-60}
words=()
for word in "$@"; do
  case $word in
    --quick) epochs=3 ;;
    -*) echo "$0: unknown option $word" >&2; exit 2 ;;
    *) words+=("$word") ;;
  esac
done
set -- "${words[@]+"${words[@]}"}"
[ $# -ge 2 ] || { usage >&2; exit 2; }
data=$1 images=$2
shift 2
out=rank_tables
case ${1-} in "" | *=*) ;; *) out=$1; shift ;; esac
mkdir -p "$out"

config=$out/config.json
cat > "$config" <<JSON
{"data": {"format": "folder", "path": "$images", "augment": "small", "holdout_images": 5000},
 "latency": {"accelerator": "$here/configs/accelerators/kc-p.json", "target_position": 0.5},
 "supernet": {"batch": 32, "lr": 0.05, "warmup_epochs": 0.1, "schedule": "cosine",
              "label_smoothing": 0, "clip_norm": 5, "precision": "bf16"},
 "score": {"calibration_images": 1000, "validation_images": 2500, "batch": 250}}
JSON

# The true accuracies, in a file that hsconas reads; networks: how many there are to compare.
truth_of() { # SPACE
  local macro=$data/nas_bench_macro/nas_bench_macro_cifar10.csv.gz
  local channels=$data/channel_bench_macro/mobilenet.csv.gz
  case $1 in
    nas-bench-macro) [ ! -e "$macro" ] || zcat "$macro" > "$out/$1.csv" ;;
    channel-bench-macro)
      # Genes 1, 5 and 7 are outer widths, which the space keeps at their largest.
      [ ! -e "$channels" ] || zcat "$channels" | awk -F, '
        NR == 1 { for (i = 1; i <= NF; ++i) if ($i == "mean_acc") column = i
                  print "arch,mean_acc"; next }
        $1 ~ /^4...4.4$/ { split($1, gene, "")
          printf "0:%d-0:%d-0:%d-0:%d,%s\n", gene[2] - 1, gene[3] - 1, gene[4] - 1, gene[6] - 1,
                 $column }' > "$out/$1.csv" ;;
  esac
  [ -e "$out/$1.csv" ]
}

passes_of() { # SPACE PATHS
  case $1/$2 in */sandwich) echo 4 ;; nas-bench-macro/fair) echo 3 ;; *) echo 1 ;; esac
}

# A factor times the value of a key of the first object of a line of JSON; nothing for null.
value_of() { # JSON OBJECT KEY FORMAT [FACTOR]
  grep -o "\"$2\":{[^}]*}" <<< "$1" | grep -o "\"$3\":[-0-9.e]*" | cut -d: -f2 |
    awk -v format="$4" -v factor="${5:-1}" '{ if ($1 != "") printf format, factor * $1 }'
}

table=$out/ranking.md
echo "| space | paths | ranked by | seed | epochs | tau | within bins | best tenth | regret (%) |" > "$table"
echo "|---|---|---|---|---|---|---|---|---|" >> "$table"
row() { # SPACE PATHS RANKED_BY SEED EPOCHS JSON MEASURE
  [[ $6 == *"\"$7\":"* ]] || return 0
  printf '| %s | %s | %s | %s | %s | %s | %s | %s | %s |\n' "$1" "$2" "$3" "$4" "$5" \
    "$(value_of "$6" "$7" tau %.3f)" "$(value_of "$6" "$7" tau_within_bins %.3f)" \
    "$(value_of "$6" "$7" tau_of_best_tenth %.3f)" \
    "$(value_of "$6" "$7" regret %.2f 100)" >> "$table"
}

for space in ${SPACES:-nas-bench-macro channel-bench-macro}; do
  truth_of "$space" || { echo "skipped: $space, whose accuracies are not in $data" >&2; continue; }
  bins=10 networks=500 methods="uniform fair"
  [ "$space" = nas-bench-macro ] || { bins=4 networks=256 methods="uniform fair sandwich operators_first"; }
  macs_are_known=false
  for paths in ${PATHS:-$methods}; do
    for seed in ${SEEDS:-1 2 3}; do
      trained=$(awk -v e="$epochs" -v p="$(passes_of "$space" "$paths")" 'BEGIN { print e / p }')
      run=$out/$space-$paths-$seed
      "$hsconas" -q train --config "$config" "space=$here/configs/spaces/$space.json" "seed=$seed" \
        "supernet.paths=$paths" "supernet.epochs=$trained" --work-dir "$run" --resume "$@" > /dev/null
      ranking=$("$hsconas" -q --json rank "$run" --accuracies "$out/$space.csv" \
        --accuracy-column mean_acc --networks "${NETWORKS:-$networks}" --bins "$bins" --out "$run/ranking.csv")
      $macs_are_known || row "$space" "" multiply-adds "" "" "$ranking" multiply_adds
      macs_are_known=true
      row "$space" "$paths" accuracy "$seed" "$trained" "$ranking" shared_weights
      row "$space" "$paths" likelihood "$seed" "$trained" "$ranking" shared_likelihood
    done
  done
done
[ "$(wc -l < "$table")" -gt 2 ] || exit 3  # What was skipped has been said.
cat "$table"
