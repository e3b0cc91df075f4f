#!/bin/bash
# Fuzzes every reader of input files:
#   scripts/fuzz.sh [SECONDS [TARGET ...]]
# SECONDS (60) is the time per target. Targets: csv image json safetensors sets. Needs clang++-14.
# Corpora are kept in build/fuzz/corpus. When an input breaks a reader, it is kept in build/fuzz and
# the script fails.
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${1:-60}
shift || true
targets=("$@")
[ ${#targets[@]} -gt 0 ] || targets=(csv image json safetensors sets)
command -v clang++-14 > /dev/null || { echo "skipped: no clang++-14"; exit 0; }

[ -e build/fuzz/build.ninja ] || cmake --preset fuzz > /dev/null
cmake --build --preset fuzz --parallel "$(nproc)" -- "${targets[@]/#/hsconas_fuzz_}"

# The fuzzer starts from a valid input for every reader.
corpus=build/fuzz/corpus
mkdir -p "$corpus"/{csv,image,json,safetensors,sets}
first() { printf '%s' "$1" > "$2"; cat >> "$2"; }  # LETTER FILE; the rest comes from stdin
seed_json() {  # LETTER FILE...
  local letter=$1 file
  shift
  for file in "$@"; do
    { printf '%s' "$letter"; cat "$file"; } > "$corpus/json/$(basename "$file")"
  done
}
seed_json s configs/spaces/*.json
seed_json a configs/accelerators/*.json
seed_json n configs/networks/*.json
seed_json t tests/golden/latency_table*.json
first c "$corpus/json/config" << JSON
{"name": "x", "seed": 1, "device": {"threads": 1}, "data": {"holdout_images": 2, "mean": [0.5]},
 "latency": {"target_ms": 1.5, "cpus": [0, 1]}, "supernet": {"schedule": "cosine"},
 "shrink": {"samples": 2, "stages": [{"layers": 1, "tune_epochs": 0.5, "lr": 0.01}]},
 "search": {"method": "random", "population": 4}, "space": $(cat configs/spaces/quickstart-32.json)}
JSON
first m "$corpus/csv/networks" <<< 'arch,ms
0:0-1:1-2:0,1.5
"1:0-1:1-0:0", 2e-1'
for reader in p r; do
  first $reader "$corpus/csv/candidates-$reader" <<< 'weights,arch,accuracy,at_most,images,latency_ms,score,crc32
0123456789abcdef,0:0-1:1-2:0,0.5,0.5,all,1.25,0.4,00000000
0123456789abcdef,1:1-1:1-1:1,0.75,0.8,250,1.5,0.5,00000000'
done
header='{"__metadata__":{"crc32":"00000000","next_step":"12"},"w":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]},"n":{"dtype":"I64","shape":[0],"data_offsets":[8,8]}}'
for reader in p r; do
  printf '%s%b\0\0\0\0\0\0\0%s12345678' $reader "$(printf '\\x%02x' ${#header})" "$header" \
    > "$corpus/safetensors/$reader"
done
printf 'i\x0b\0\0\x08\x01\0\0\0\3\0\1\2\0\0\x08\3\0\0\0\3\0\0\0\2\0\0\0\2abcdefghijkl' \
  > "$corpus/sets/idx"
{ printf 'c.\1'; head -c 3072 /dev/zero; } > "$corpus/sets/cifar10"
{ printf 'f.\1\2'; head -c 3072 /dev/zero; } > "$corpus/sets/cifar100"
base64 -d > "$corpus/image/png" << DATA
iVBORw0KGgoAAAANSUhEUgAAAAQAAAAECAYAAACp8Z5+AAAAAXNSR0IArs4c6QAAAE9JREFUCJkBRAC7/wAAJUpvlLneAyhN
cpe84QYrAFB1mr/kCS5TeJ3C5wwxVnsAoMXqDzRZfqPI7RI3XIGmywDwFTpfhKnO8xg9Yoes0fYbyqEeYX13lPEAAAAASUVO
RK5CYII=
DATA
base64 -d > "$corpus/image/jpeg" << DATA
/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAA0JCgsKCA0LCgsODg0PEyAVExISEyccHhcgLikxMC4pLSwzOko+MzZGNywtQFdB
RkxOUlNSMj5aYVpQYEpRUk//2wBDAQ4ODhMREyYVFSZPNS01T09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT09P
T09PT09PT09PT09PT0//wAARCAAIAAgDASIAAhEBAxEB/8QAHwAAAQUBAQEBAQEAAAAAAAAAAAECAwQFBgcICQoL/8QAtRAA
AgEDAwIEAwUFBAQAAAF9AQIDAAQRBRIhMUEGE1FhByJxFDKBkaEII0KxwRVS0fAkM2JyggkKFhcYGRolJicoKSo0NTY3ODk6
Q0RFRkdISUpTVFVWV1hZWmNkZWZnaGlqc3R1dnd4eXqDhIWGh4iJipKTlJWWl5iZmqKjpKWmp6ipqrKztLW2t7i5usLDxMXG
x8jJytLT1NXW19jZ2uHi4+Tl5ufo6erx8vP09fb3+Pn6/8QAHwEAAwEBAQEBAQEBAQAAAAAAAAECAwQFBgcICQoL/8QAtREA
AgECBAQDBAcFBAQAAQJ3AAECAxEEBSExBhJBUQdhcRMiMoEIFEKRobHBCSMzUvAVYnLRChYkNOEl8RcYGRomJygpKjU2Nzg5
OkNERUZHSElKU1RVVldYWVpjZGVmZ2hpanN0dXZ3eHl6goOEhYaHiImKkpOUlZaXmJmaoqOkpaanqKmqsrO0tba3uLm6wsPE
xcbHyMnK0tPU1dbX2Nna4uPk5ebn6Onq8vP09fb3+Pn6/9oADAMBAAIRAxEAPwBsiIkcdvGsSk43ZYbTwB14GOQPTBHY4kKK
KxqV504x5equEZqKu0nfuf/Z
DATA

# shellcheck disable=SC2317 # Called by the shells that xargs starts.
fuzz() {  # SECONDS TARGET
  local longest=4096 failed=0 executions log=build/fuzz/$2.log
  [ "$2" = sets ] && longest=8192
  if ! (cd build/fuzz && ./hsconas_fuzz_"$2" -max_total_time="$1" -max_len=$longest \
    -rss_limit_mb=1024 -malloc_limit_mb=512 -timeout=20 -print_final_stats=1 \
    -artifact_prefix="$2-" "corpus/$2" > "$2.log" 2>&1); then
    failed=1
    grep -E 'ERROR|SUMMARY|runtime error|Test unit written|internal error' "$log" | sed "s|^|$2: |" || true
  fi
  executions=$(sed -nE 's/^stat::number_of_executed_units: *//p' "$log")
  printf '%-12s %10s executions, %5s inputs in the corpus\n' "$2" "${executions:-?}" \
    "$(find "build/fuzz/corpus/$2" -type f | wc -l)"
  return $failed
}
export -f fuzz
# shellcheck disable=SC2016 # The shells that xargs starts expand this.
printf '%s\n' "${targets[@]}" | xargs -P "$(nproc)" -I '{}' bash -c 'fuzz "$0" "$1"' "$seconds" '{}'
