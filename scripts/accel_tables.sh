#!/bin/bash
# Prints a network's cost on accelerator designs, one line per design:
#   scripts/accel_tables.sh NETWORK [DESIGN ...]
# NETWORK and DESIGN are files; without DESIGN, all designs in configs/accelerators are used.
set -euo pipefail
needs=1
# shellcheck source=scripts/program.sh
source "$(dirname "$0")/program.sh"
here=$(dirname "$0")/..
network=$1
shift
[ $# -gt 0 ] || set -- "$here"/configs/accelerators/*.json

command -v jq > /dev/null || { echo "$0: needs jq" >&2; exit 3; }

printf '%-20s %12s %10s %14s %8s %12s\n' design cycles ms energy unit 'off-chip MB'
for design in "$@"; do
  read -ra figures < <("$hsconas" --json accel -d "$design" -n "$network" |
    jq -r '"\(.cycles) \(.ms) \(.energy) \(.energy_unit) \(.offchip_bytes / 1e6)"')
  printf '%-20s %12.0f %10.3f %14.4g %8s %12.3f\n' "$(basename "$design" .json)" "${figures[@]}"
done
