# Sourced by the scripts that run the program, with their arguments, of which `needs` says how many are
# the least. Prints what the head of the script says if these are too few or among them is --help, and
# ends the script then. Sets `hsconas` to HSCONAS, or else to the program that was built in this
# checkout, and ends the script if there is none.
# shellcheck shell=bash
usage() { sed -n '2,/^[^#]/{/^[^#]/d;/^# shellcheck/d;s/^# \{0,1\}//;p}' "$0"; }
case " $* " in *" --help "* | *" -h "*) usage; exit 0 ;; esac
[ $# -ge "${needs:?}" ] || { usage >&2; exit 2; }
hsconas=${HSCONAS:-$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)/build/release/hsconas}
command -v "$hsconas" > /dev/null || {
  echo "$0: there is no program $hsconas: build it as README says, or name it in HSCONAS" >&2
  exit 2
}
