#!/bin/bash
# Prints a network's cost on accelerator designs, one line per design:
#   scripts/accel_tables.sh NETWORK [DESIGN ...]
# NETWORK and DESIGN are files; without DESIGN, all designs in configs/accelerators are used.
set -euo pipefail
here=$(dirname "$0")/..
hsconas=${HSCONAS:-$here/build/release/hsconas}
[ $# -ge 1 ] || { sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p}' "$0" >&2; exit 2; }
network=$1
shift
[ $# -gt 0 ] || set -- "$here"/configs/accelerators/*.json

# value KEY JSON: the number of a key on the top level of a report, whose layers are removed.
value() { sed -E "s/.*\"$1\":([-+.e0-9]+).*/\1/" <<< "$2"; }

printf '%-20s %12s %10s %14s %8s %12s\n' design cycles ms energy unit 'off-chip MB'
for design in "$@"; do
  report=$("$hsconas" --json accel -d "$design" -n "$network" | sed -E 's/"layers":\[.*\],"macs"/"macs"/')
  unit=$(sed -E 's/.*"energy_unit":"([^"]*)".*/\1/' <<< "$report")
  printf '%-20s %12.0f %10.3f %14.4g %8s %12.3f\n' "$(basename "$design" .json)" \
    "$(value cycles "$report")" "$(value ms "$report")" "$(value energy "$report")" "$unit" \
    "$(awk -v b="$(value offchip_bytes "$report")" 'BEGIN { print b / 1e6 }')"
done
