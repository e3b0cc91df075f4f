#!/bin/bash
# Fits latency tables to published measurements of whole networks and prints their accuracy on the
# other networks:
#   scripts/latency_tables.sh fit SPACE CSV [COUNT [DEVICE ...]]
#     For every device (a column of CSV): the model fitted on COUNT (500) random networks, compared
#     with plain least squares on the same networks; for a cell also with a sum of operators (no
#     pairs), and with one that counts dead operators.
#   scripts/latency_tables.sh adapt SPACE CSV "SOURCE ..." "COUNT ..." [DEVICE ...]
#     For every device: Kendall's tau when the table of each SOURCE device, fitted on 500 networks,
#     is adapted with COUNT networks of the device, compared with a fit on 500 networks of its own
#     (COUNT networks are drawn from the same 500).
# SPACE is a space or cell file. CSV has a column ops or arch, and a column of milliseconds per
# device; per device, cells that are empty or not above 0 are ignored. Environment: SEED (1) draws
# the networks; CHOOSE=1 chooses the most informative COUNT networks instead of random ones.
set -euo pipefail
needs=3
# shellcheck source=scripts/program.sh
source "$(dirname "$0")/program.sh"
seed=${SEED:-1}
command -v jq > /dev/null || { echo "$0: needs jq" >&2; exit 3; }
mode=$1 space=$2 csv=$3
shift 3
for file in "$space" "$csv"; do
  [ -r "$file" ] || { echo "$0: there is no file $file" >&2; exit 3; }
done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

unpacked() { case $csv in *.gz) gzip -dc "$csv" ;; *) cat "$csv" ;; esac; }

# Prints the names of the columns with times: columns of numbers after the column ops or arch.
devices_of() {
  unpacked | awk -F, 'NR == 1 { for (i = 1; i <= NF; i++) { name[i] = $i; if ($i == "ops" || $i == "arch") at = i } }
    NR > 1 { for (i = 1; i <= NF; i++) if ($i + 0 > 0) seen[i] = 1 }
    END { for (i = at + 1; i <= NF; i++) if (seen[i] && name[i] !~ /^(acc|iso)/) print name[i] }'
}

# column DEVICE: writes arch,ms of one device to a CSV in the work folder.
column() {
  unpacked | awk -F, -v device="$1" '
    NR == 1 { for (i = 1; i <= NF; i++) { if ($i == "ops" || $i == "arch") a = i; if ($i == device) d = i }
      if (!a || !d) { print "no column ops or arch, or no " device > "/dev/stderr"; exit 3 }
      print "arch,ms"; next }
    $d + 0 > 0 { print $a "," $d }' > "$work/$1.csv"
}

# Reads a JSON report and prints "RMSE% Kendall form" of the table's model on the held-out networks.
figures() {
  jq -r '(.held_out.random.fitted | "\(.rmse_percent) \(.kendall)") + " \(.form)"'
}

fit() {  # fit DEVICE COUNT TABLE [option]
  "$hsconas" --json latency import --space "$space" --networks "$work/$1.csv" --device-name "$1" \
    --fit "$2" --seed "$seed" --out "$3" "${@:4}" | figures
}

fit_table() {
  local count=${1:-500} better=0 equal=0 all=0
  shift || true
  [ $# -gt 0 ] || mapfile -t devices < <(devices_of)
  [ $# -eq 0 ] || devices=("$@")
  local is_cell='' kept='' kept_tau='' sum='' sum_tau='' plainly=(--least-squares)
  if grep -q '"edges"' "$space"; then is_cell=yes plainly+=(--dead-operators cost); fi
  printf '%-16s %8s %12s %10s' device networks 'LS RMSE %' 'LS tau'
  [ -z "$is_cell" ] || printf ' %12s %10s' 'all RMSE %' 'all tau' 'sum RMSE %' 'sum tau'
  printf ' %12s %10s  %s\n' 'RMSE %' tau form
  for device in "${devices[@]}"; do
    column "$device"
    read -r plain plain_tau _ < <(fit "$device" "$count" "$work/plain.json" "${plainly[@]}")
    printf '%-16s %8d %12.5f %10.4f' "$device" "$(($(wc -l < "$work/$device.csv") - 1))" \
      "$plain" "$plain_tau"
    if [ -n "$is_cell" ]; then
      read -r kept kept_tau _ < <(fit "$device" "$count" "$work/kept.json" --dead-operators cost \
        --no-pairs)
      read -r sum sum_tau _ < <(fit "$device" "$count" "$work/sum.json" --no-pairs)
      printf ' %12.5f %10.4f' "$kept" "$kept_tau" "$sum" "$sum_tau"
    fi
    read -r rmse tau form < <(fit "$device" "$count" "$work/table.json")
    printf ' %12.5f %10.4f  %s\n' "$rmse" "$tau" "$form"
    all=$((all + 1))
    case $(awk -v a="$rmse" -v b="$plain" 'BEGIN { print a < b * (1 - 1e-6) ? "<" : a <= b * (1 + 1e-6) ? "=" : ">" }') in
      '<') better=$((better + 1)) ;;
      '=') equal=$((equal + 1)) ;;
    esac
  done
  echo "RMSE below plain least squares on $better of $all devices, equal on $equal"
}

adapt_table() {
  local sources=$1 counts=$2 near=0 all=0 full_tau tau
  shift 2
  [ $# -gt 0 ] || mapfile -t devices < <(devices_of)
  [ $# -eq 0 ] || devices=("$@")
  for source in $sources; do
    column "$source"
    fit "$source" 500 "$work/source-$source.json" > /dev/null
  done
  # shellcheck disable=SC2086 # One column per word.
  printf '%-16s %-16s' device source && printf ' %8s' $counts && printf ' %8s\n' 'own 500'
  for device in "${devices[@]}"; do
    column "$device"
    read -r _ full_tau _ < <(fit "$device" 500 "$work/full.json")
    for source in $sources; do
      [ "$source" = "$device" ] && continue
      printf '%-16s %-16s' "$device" "$source"
      for count in $counts; do
        read -r _ tau _ < <("$hsconas" --json latency adapt --space "$space" \
          --table "$work/source-$source.json" --networks "$work/$device.csv" --fit "$count" \
          --seed "$seed" --device-name "$device" --out "$work/adapted.json" \
          ${CHOOSE:+--choose} | figures)
        printf ' %8.4f' "$tau"
        if [ "$count" = 50 ]; then
          all=$((all + 1))
          near=$((near + $(awk -v a="$tau" -v b="$full_tau" 'BEGIN { print (a >= b - 0.03) }')))
        fi
      done
      printf ' %8.4f\n' "$full_tau"
    done
  done
  echo "Kendall's tau with 50 networks is at most 0.03 below the fit on 500: $near of $all"
}

case $mode in
  fit) fit_table "$@" ;;
  adapt) adapt_table "$@" ;;
  *) echo "$0: mode '$mode' is not known: use fit or adapt" >&2; exit 2 ;;
esac
