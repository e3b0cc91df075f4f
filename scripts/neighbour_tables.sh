#!/bin/bash
# Times training, scoring and measuring of latencies where the program does not have the machine for
# itself, in turns with the quiet machine:
#   scripts/neighbour_tables.sh [ROUNDS]
# Prints medians over ROUNDS (3), each about four minutes long, and their ratios. At least twice the
# time is needed where a busy process takes half of the processor time; the limit is 2.2. Latencies
# should stay as they are. Run it where nothing else is running.
# Environment: BUILD is the build folder. The part with half a CPU needs root, for a control group.
set -euo pipefail
[[ ${1-3} =~ ^[0-9]+$ ]] || { sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p}' "$0" >&2; exit 2; }
hsconas=$(realpath "${BUILD:-$(dirname "$0")/../build/release}/hsconas")
rounds=${1:-3}
folder=$(mktemp -d)
neighbour=
group=
stop_neighbour() {
  [ -n "$neighbour" ] || return 0
  kill "$neighbour"
  wait "$neighbour" 2> /dev/null || true
  neighbour=
}
clean_up() {
  stop_neighbour
  [ -z "$group" ] || rmdir "$group" || true
  rm -rf "$folder"
}
trap clean_up EXIT

# A control group, of version 1 or 2, that may use half a CPU. Leaves `group` empty without one.
make_group() {
  local root=/sys/fs/cgroup
  if mkdir $root/cpu/hsconas_half 2> /dev/null; then
    group=$root/cpu/hsconas_half
    echo 100000 > $group/cpu.cfs_period_us
    echo 50000 > $group/cpu.cfs_quota_us
  elif [ -e $root/cgroup.controllers ] && mkdir $root/hsconas_half 2> /dev/null; then
    group=$root/hsconas_half
    echo '50000 100000' > $group/cpu.max || { rmdir $group && group=; }
  fi
}
in_group() { (echo "$BASHPID" > "$group/cgroup.procs" && exec "$@"); }

beside() {  # PREFIX...
  "$@" bash -c 'while :; do :; done' &
  neighbour=$!
}

keep() { echo "$1 $2 $3" >> "$folder/figures"; }  # SETTING FIGURE VALUE

run() {  # COMMAND WORK_DIR ARGUMENT...
  local command=$1
  shift
  rm -rf "$folder/${1:?}"
  "${prefix[@]}" "$hsconas" "$command" --config quickstart --work-dir "$folder/$1" "${@:2}" \
    > "$folder/output" 2>&1 || { tail -n 3 "$folder/output" >&2; exit 1; }
}

measure() {  # SETTING; `prefix` says how the program is started.
  local setting=$1 start
  run train train supernet.epochs=1
  # The first lines contain the start of the threads.
  keep "$setting" training "$(jq -s '1000 * 64 / ([.[2:][].images_per_second] | sort | .[length / 2 | floor])' \
    "$folder/train/metrics.jsonl")"
  run search search "${known[@]}"
  keep "$setting" scoring "$(jq -s 'map(select(.stage == "search")) |
    1000 * (last.time - first.time) / (last.step - first.step)' "$folder/search/metrics.jsonl")"
  start=$(date +%s%N)
  run profile table
  keep "$setting" measuring $((($(date +%s%N) - start) / 1000000))
  keep "$setting" latency "$(jq '[.entries[].ms] | add' "$folder/table/latency.json")"
  grep -ho 'warning: .*' "$folder/table/log.txt" "$folder/output" | sort -u | sed "s/^/$setting: /" \
    >> "$folder/said" || true
}

prefix=(env)
run train supernet supernet.epochs=1
run profile known
# Random networks of a known table: the same ones in each round.
known=(--supernet "$folder/supernet" supernet.epochs=1 latency.table="$folder/known/latency.json"
  shrink.stages=[] search.method=random search.population=40 search.generations=3
  search.baseline_samples=1)
make_group
for ((round = 1; round <= rounds; ++round)); do
  measure both-quiet
  beside env
  measure both-busy
  stop_neighbour
  prefix=(taskset -c 0)
  measure one-quiet
  beside taskset -c 0
  measure one-busy
  stop_neighbour
  prefix=(in_group)
  [ -z "$group" ] || measure half-quiet
  prefix=(env)
done

awk '
  { all[$1 " " $2] = all[$1 " " $2] " " $3 }
  function median(key,   values, n, i, j, value) {
    n = split(all[key], values, " ")
    for (i = 2; i <= n; ++i) {
      value = values[i]
      for (j = i - 1; j > 0 && values[j] + 0 > value + 0; --j) values[j + 1] = values[j]
      values[j + 1] = value
    }
    return n == 0 ? -1 : (values[int((n + 1) / 2)] + values[int(n / 2) + 1]) / 2
  }
  function rows(what, quiet, then,   i, a, b) {
    for (i = 1; i <= 4; ++i) {
      a = median(quiet " " figure[i])
      b = median(then " " figure[i])
      if (b >= 0) printf "%-30s %-28s %9.1f %9.1f %6.2f\n", what, title[i], a, b, b / a
    }
  }
  END {
    split("training scoring measuring latency", figure, " ")
    split("a training step/scoring a candidate/measuring a table/sum of its latencies", title, "/")
    printf "%-30s %-28s %9s %9s %6s\n", "", "ms", "quiet", "then", "ratio"
    rows("all CPUs, beside a process", "both-quiet", "both-busy")
    rows("1 CPU, beside a process", "one-quiet", "one-busy")
    rows("quota of half a CPU", "one-quiet", "half-quiet")
  }' "$folder/figures"
[ ! -s "$folder/said" ] || { echo "Said while measuring:"; sort "$folder/said" | uniq -c; }
