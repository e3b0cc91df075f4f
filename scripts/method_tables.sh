#!/bin/bash
# Compares all search methods on networks whose accuracies are known, with and without budgets:
#   scripts/method_tables.sh DATA [OUT] [--quick] [key=value ...]
# DATA is a folder with nas_bench_201/nb201.csv.gz and nas_bench_macro/nas_bench_macro_cifar10.csv.gz;
# a file that is missing is left out. OUT (default: method_tables) gets a folder for each table, and
# methods.md with one table for all of them. --quick takes 10 searches per method instead of SEEDS
# (default: 100). METHODS names the methods (see hsconas compare-methods --help; default: all, with the
# populations that suit them).
set -euo pipefail
needs=1
# shellcheck source=scripts/program.sh
source "$(dirname "$0")/program.sh"
here=$(cd "$(dirname "$0")/.." && pwd)
seeds=${SEEDS:-100}
words=()
for word in "$@"; do
  case $word in
    --quick) seeds=10 ;;
    -*) echo "$0: unknown option $word" >&2; exit 2 ;;
    *) words+=("$word") ;;
  esac
done
set -- "${words[@]+"${words[@]}"}"
[ $# -ge 1 ] || { usage >&2; exit 2; }
data=$1
shift
out=method_tables
case ${1-} in "" | *=*) ;; *) out=$1; shift ;; esac
methods=${METHODS:-"evolution population=50 parents=10, evolution population=20 parents=5, \
regularized population=10 parents=3, local population=20 parents=5, predictor, bayesian, reinforce, \
nsga2 population=20 parents=5, random"}

# The value of a column at a quantile between 0 and 1; empty cells do not count.
quantile() { # FILE COLUMN QUANTILE
  zcat -f "$1" | awk -F, -v name="$2" '
    NR == 1 { for (i = 1; i <= NF; ++i) if ($i == name) column = i; next }
    column && $column != "" { print $column }' | sort -g | awk -v q="$3" '
    { value[NR] = $1 } END { print value[int(q * (NR - 1) + 0.5) + 1] }'
}

tables=()
compare() { # NAME TITLE CONFIG [key=value ...]
  local name=$1 title=$2 config=$3
  shift 3
  "$hsconas" -q compare-methods --config "$config" --methods "$methods" --seeds "$seeds" \
    --evaluations 500 --title "$title" --out "$out/$name" "$@"
  echo
  tables+=("$name")
}

mkdir -p "$out"
nb201=$data/nas_bench_201/nb201.csv.gz
if [ -e "$nb201" ]; then
  known="score.accuracies=$nb201"
  compare nb201 "NAS-Bench-201, no budget" "$here/configs/nas-bench-201.json" "$known" "$@"
  for device in 1080ti_1 raspi4 eagle_gpu_855; do
    half=$(quantile "$nb201" $device 0.5)
    [ -n "$half" ] || continue
    compare "nb201-$device" "NAS-Bench-201, T = $half ms on $device (its median)" \
      "$here/configs/nas-bench-201.json" "$known" latency.column=$device "latency.target_ms=$half" "$@"
  done
fi
macro=$data/nas_bench_macro/nas_bench_macro_cifar10.csv.gz
if [ -e "$macro" ]; then
  known="score.accuracies=$macro"
  compare macro "NAS-Bench-Macro, no budget" "$here/configs/nas-bench-macro.json" "$known" "$@"
  half=$(quantile "$macro" flops 1 | awk '{ print $1 / 2 }')
  compare macro-flops "NAS-Bench-Macro, T = half of the most multiply-adds" \
    "$here/configs/nas-bench-macro.json" "$known" latency.column=flops latency.unit=multiply-adds \
    "latency.target_ms=$half" "$@"
fi
[ ${#tables[@]} -gt 0 ] || { echo "$0: $data holds neither benchmark" >&2; exit 3; }

files=()
for name in "${tables[@]}"; do files+=("$out/$name/methods.csv"); done
# One table for all: the median evaluations until the top 0.1 % by method and table.
{
  printf '| evaluations until the top 0.1 %% (median of %s) |' "$seeds"
  printf ' %s |' "${tables[@]}"
  printf '\n|---|'
  printf -- '---|%.0s' "${tables[@]}"
  printf '\n'
  awk -F'","|",|,' '
    FNR == 1 { ++file; next }
    { name = $1; sub(/^"/, "", name); if (!(name in known)) { known[name] = 1; order[++count] = name }
      effort[name, file] = $4 == "" ? "> " $3 : $4 }
    END { for (i = 1; i <= count; ++i) { line = "| " order[i] " |"
            for (k = 1; k <= file; ++k) line = line " " effort[order[i], k] " |"
            print line } }' "${files[@]}"
} > "$out/methods.md.tmp"
mv "$out/methods.md.tmp" "$out/methods.md"
cat "$out/methods.md"
