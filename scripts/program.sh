# Sourced by the scripts that run the program. Sets `hsconas` to HSCONAS, or else to the program that
# was built in this checkout, and ends the script if there is none.
# shellcheck shell=bash
hsconas=${HSCONAS:-$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)/build/release/hsconas}
command -v "$hsconas" > /dev/null || {
  echo "$0: there is no program $hsconas: build it as README says, or name it in HSCONAS" >&2
  exit 2
}
