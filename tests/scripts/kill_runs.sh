#!/bin/bash
# Kills a search at random instants spread evenly over its whole duration, resumes it each time, and
# compares what it leaves with an uninterrupted run, bit for bit apart from measured times:
#   tests/scripts/kill_runs.sh PROGRAM SIGNAL COUNT CONFIG [key=value ...]
# The latency table is measured once and then fixed. Prints a line per kill; exits 1 when a run was
# not continued to the same result, left an unfinished file behind, or (any signal but KILL) did
# not stop with exit code 75 at the step it then continued from.
set -euo pipefail
[ $# -ge 4 ] || { echo "usage: $0 PROGRAM SIGNAL COUNT CONFIG [key=value ...]" >&2; exit 2; }
program=$1 signal=$2 count=$3 config=$4
shift 4
RANDOM=${SEED:-1}
work=$(mktemp -d)
child=
trap 'kill -KILL $child 2> /dev/null || true; rm -rf "$work"' EXIT

now_ms() { echo $(($(date +%s%N) / 1000000)); }
search() {  # NAME [key=value ...]; in a subshell, whose process the program becomes
  exec "$program" --quiet search --config "$config" --work-dir "$work/$1" --resume \
    latency.table="$work/latency.json" "${@:2}" > /dev/null 2>> "$work/errors"
}
# A result without measured times and without the checksum over them.
comparable() { grep -vE '"(measured_ms|crc32)":' "$1/result.json"; }
stage_of() {
  local line
  line=$(grep -oE '(data|supernet|baseline|layer|shrink-[0-9]+|search|winner): .*' "$1/log.txt" \
    2> /dev/null | tail -1) || true
  case $line in
    '') echo start ;;
    layer*) echo shrinking ;;
    supernet:*stopped*) echo supernet ;;
    *) echo "${line%%:*}" ;;
  esac
}

"$program" --quiet profile --config "$config" --work-dir "$work/profile" "$@" > /dev/null
cp "$work/profile/latency.json" "$work/latency.json"
begin=$(now_ms)
(search whole "$@")
duration=$(($(now_ms) - begin))
comparable "$work/whole" > "$work/expected"
echo "uninterrupted: $duration ms, winner $(grep -m1 '"arch"' "$work/whole/result.json" | tr -d ' ,')"

bad=0 done_count=0
while [ $done_count -lt "$count" ]; do
  rm -rf "$work/run"
  at=$((duration * (1000 * done_count + RANDOM % 1000) / (1000 * count)))
  search run "$@" &
  child=$!
  sleep "$(printf '%d.%03d' $((at / 1000)) $((at % 1000)))"
  kill "-$signal" "$child" 2> /dev/null || true
  code=0
  wait $child 2> /dev/null || code=$?
  child=
  if [ $code = 0 ]; then  # This run was faster than the first one.
    duration=$((duration * 95 / 100))
    continue
  fi
  done_count=$((done_count + 1))
  stage=$(stage_of "$work/run")
  left=$(find "$work/run" -name '*.tmp' -o -name '*.next' 2> /dev/null | wc -l)
  verdict=same
  if [ "$signal" != KILL ] && [ $code != 75 ] && [ -e "$work/run/log.txt" ]; then
    verdict="exit code $code"
  fi
  step=$(tail -1 "$work/errors" 2> /dev/null | sed -nE 's/.*stopped on request after step ([0-9]+) .*/\1/p')
  again=0
  (search run "$@") || again=$?
  [ $again = 0 ] || verdict="resumed with exit code $again: $(tail -1 "$work/errors")"
  if [ "$signal" != KILL ] && [ -n "$step" ] &&
    ! grep -q "continues at step $step$" "$work/run/log.txt"; then
    verdict="stopped after step $step, but did not continue there"
  fi
  if [ $again = 0 ]; then
    comparable "$work/run" | cmp -s - "$work/expected" || verdict="other result"
    cmp -s "$work/run/candidates.csv" "$work/whole/candidates.csv" || verdict="other candidates"
    [ -z "$(find "$work/run" -name '*.tmp' -o -name '*.next')" ] || verdict="unfinished files left"
  fi
  [ "$verdict" = same ] || bad=$((bad + 1))
  printf '%3d  %s at %6d ms  %-10s exit %3d  %s unfinished  %s%s\n' $done_count "$signal" $at \
    "$stage" $code "$left" "$verdict" "${step:+ (step $step)}"
done
echo "$((count - bad)) of $count the same"
[ $bad = 0 ]
