#!/bin/bash
# Kills a retraining at random instants spread evenly over its whole duration, continues it each time
# with `retrain RUN --out DIR --resume` and no settings, and compares the trained model and the result
# with those of an uninterrupted one, bit for bit:
#   tests/scripts/kill_retrainings.sh PROGRAM SIGNAL COUNT RUN [key=value ...]
# RUN is the folder of a finished search. Prints a line per kill; exits 1 when one was not continued
# to the same model, or began anew although there was a checkpoint.
set -euo pipefail
[ $# -ge 4 ] || { echo "usage: $0 PROGRAM SIGNAL COUNT RUN [key=value ...]" >&2; exit 2; }
program=$1 signal=$2 count=$3 run=$4
shift 4
RANDOM=${SEED:-1}
work=$(mktemp -d)
child=
trap 'kill -KILL $child 2> /dev/null || true; rm -rf "$work"' EXIT

now_ms() { echo $(($(date +%s%N) / 1000000)); }
retrain() {  # NAME [more]; in a subshell, whose process the program becomes
  exec "$program" --quiet retrain "$run" --out "$work/$1" "${@:2}" > /dev/null 2>> "$work/errors"
}

begin=$(now_ms)
(retrain whole "$@")
duration=$(($(now_ms) - begin))
echo "uninterrupted: $duration ms"

bad=0 done_count=0
while [ $done_count -lt "$count" ]; do
  rm -rf "$work/parts"
  at=$((duration * (1000 * done_count + RANDOM % 1000) / (1000 * count)))
  retrain parts "$@" &
  child=$!
  sleep "$(printf '%d.%03d' $((at / 1000)) $((at % 1000)))"
  kill "-$signal" "$child" 2> /dev/null || true
  code=0
  wait $child 2> /dev/null || code=$?
  child=
  if [ $code = 0 ]; then  # This one was faster than the first.
    duration=$((duration * 95 / 100))
    continue
  fi
  done_count=$((done_count + 1))
  verdict=same settings=()
  checkpoint=$work/parts/checkpoints/retrain.safetensors
  if [ -e "$checkpoint" ]; then
    how=continued
  else
    how='from the start' settings=("$@")  # Nothing of it is left but, perhaps, its folder.
  fi
  again=0
  (retrain parts --resume "${settings[@]}") || again=$?
  if [ $again != 0 ]; then
    verdict="resumed with exit code $again: $(tail -1 "$work/errors")"
  else
    for file in model.safetensors architecture.json result.json; do
      cmp -s "$work/parts/$file" "$work/whole/$file" || verdict="another $file"
    done
    if [ "$how" = continued ] && ! grep -q 'continues at step' "$work/parts/log.txt"; then
      verdict='began anew'
    fi
    [ -z "$(find "$work/parts" -name '*.tmp' -o -name '*.next')" ] || verdict='unfinished files left'
  fi
  [ "$verdict" = same ] || bad=$((bad + 1))
  printf '%3d  %s at %6d ms  exit %3d  %-14s  %s\n' $done_count "$signal" $at $code "$how" "$verdict"
done
echo "$((count - bad)) of $count the same"
[ $bad = 0 ]
