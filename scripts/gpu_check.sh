#!/bin/bash
# Builds, tests and times everything that runs on an NVIDIA GPU, the most important sections first,
# and prints a table of requirements and measurements at the end:
#   scripts/gpu_check.sh [--deps DIR] [--out DIR] [--only SECTION[,SECTION...]] [--no-build] [--list]
# Needs nvcc, CMake, python3 and a LibTorch with CUDA: that of Torch_DIR or CMAKE_PREFIX_PATH, else
# the one of pip's torch in python3. Works without git and without a network.
#   --deps DIR  folder with unpacked CLI11, nlohmann_json, fmt, spdlog, Eigen, Catch2 and image
#               libraries, for CMAKE_PREFIX_PATH, or a .tar.gz of that folder
#   --out DIR   folder for table.txt, results.txt and log.txt (default: build/gpu_check)
#   --only      run only these sections, in this order; --list prints their names
#   --no-build  run the programs in the build folder without building
# Sections marked * in --list take minutes or need a data set, and run only if --only names them.
# Environment: GPU_CHECK_SECONDS is the time for everything (540); GPU_CHECK_FASHION is the folder of
# Fashion-MNIST (data/fashion_mnist); GPU_CHECK_DEVICE is cuda, cuda:N, or
# cpu to try this script with small sizes on a machine without a GPU; BUILD is the build folder
# (build/gpu); GPU_CHECK_SANITIZED selects the tests that compute-sanitizer repeats; GPU_CHECK_LATENCY
# holds key=value settings for the latency tables.
# Exit codes: 0 all requirements are met, 1 one is not, 2 usage, 5 no GPU or no LibTorch with CUDA.
# shellcheck disable=SC2317  # Most functions are called by a composed name.
set -euo pipefail
script=$(realpath "$0")
here=$(dirname "$(dirname "$script")")

# Name, time limit in seconds, program (a target to build; - for none), meaning.
sections='
info         20  -                   the machine, the GPU, the versions
kernels      75  hsconas_cuda_bench  every kernel compared with fp64, repeated for equal bits, timed
tests        60  hsconas_gpu_tests   tests tagged [gpu]
train-32-64  90  hsconas_train_bench a training step, 32x32, batch 64
train-32-512 60  hsconas_train_bench a training step, 32x32, batch 512
train-224-512 90 hsconas_train_bench a training step, 224x224, batch 512
imagenet     60  hsconas_train_bench steps of configs/gpu.json: 224x224, batch 1,024, every width
score        60  hsconas_score_bench scoring a candidate and a shrinking layer, 2,000 + 2,000 images
learn        90  hsconas_score_bench losses and ranks compared with a plain supernet and the CPU
search       90  hsconas             a search with configs/quickstart.json
kill        120  hsconas             five searches killed and resumed give the same results
latency      60  hsconas             a small latency table, with CUDA graphs and with eager launches
latency-a    90  hsconas             the latency table of configs/gpu.json, batch 32, with and without the bias B
sanitizer    90  hsconas_gpu_tests   compute-sanitizer on the tests tagged [gpu]
fashion*    420  hsconas             a whole search with configs/fashion_mnist.json
'

# Requirements: SECTION.NAME RELATION VALUE. Measurements without one are only reported.
asked='
kernels.failed              <= 0
train-32-64.first_steps_over_later  <= 3
train-32-64.first_steps_slowest     <= 100
train-32-512.first_steps_over_later <= 3
train-32-512.first_steps_slowest    <= 100
train-224-512.first_steps_over_later <= 3
train-32-64.over_plain      >= 5
train-32-512.images_per_s   >= 60000
train-224-512.over_plain    >= 8
train-32-64.launches        <= 420
train-32-512.with_data_over_alone     >= 95
train-224-512.with_data_over_possible >= 90
score.candidate_over_plain  >= 8
score.layer_over_plain      >= 20
learn.kendall_cpu_fp16      >= .98
learn.images_off_cpu_fp16   <= 3
search.seconds              <= 60
kill.same                   >= 5
fashion.seconds             <= 300
'

usage() { sed -n '2,/^set/{/^set/d;/^# shellcheck/d;s/^# \{0,1\}//;p}' "$script"; }
fail() { echo "gpu_check.sh: $2" >&2; exit "$1"; }
field() { awk -v name="$1" -v n="$2" '$1 == name || $1 == name "*" { print $n }' <<< "$sections"; }
usual_sections() { awk 'NF && $1 !~ /\*$/ { print $1 }' <<< "$sections"; }

deps='' out=$here/build/gpu_check only=$(usual_sections) inner='' builds=yes
while [ $# -gt 0 ]; do
  case $1 in
    --list) awk 'NF { name = $1; $1 = $2 = $3 = ""; printf "%-14s%s\n", name, $0 }' <<< "$sections"; exit ;;
    --deps | --out | --only | --inner) [ $# -ge 2 ] || fail 2 "$1 needs a value"; declare "${1#--}=$2"; shift 2 ;;
    --no-build) builds=''; shift ;;
    -h | --help) usage; exit ;;
    *) fail 2 "unknown argument $1: see --help" ;;
  esac
done
only=${only//,/ }
[ -n "$only" ] || fail 2 "--only names no section: --list prints them"
for name in $only; do
  [[ $name != *'*'* && -n "$(field "$name" 1)" ]] || fail 2 "no section is called $name: --list prints them"
done

export GPU_CHECK_DEVICE=${GPU_CHECK_DEVICE:-cuda}
device=$GPU_CHECK_DEVICE
build=$(realpath -m "${BUILD:-$here/build/gpu}")
export BUILD=$build
scratch=$build/scratch
PATH=$PATH:/usr/local/cuda/bin
begin=$SECONDS
on_gpu() { [ "$device" != cpu ]; }
# pick GPU CPU: prints the first argument on a GPU, else the second.
pick() { if on_gpu; then echo "$1"; else echo "$2"; fi; }
result() { echo "RESULT $1 $2 $3"; }
# results JSON NAME KEY[.KEY...] UNIT ...: a RESULT line for each value of a program's JSON.
results() {
  python3 - "$@" << 'END'
import functools, json, sys
answer = json.loads(sys.argv[1])
for name, path, unit in zip(*[iter(sys.argv[2:])] * 3):
    print("RESULT", name, functools.reduce(dict.__getitem__, path.split("."), answer), unit)
END
}

# ---- The sections. Each prints its measurements as lines RESULT NAME VALUE UNIT, among other
# lines, and fails when it finds an error.

run_info() {
  uname -sr
  grep -m1 'model name' /proc/cpuinfo || true
  nproc
  if on_gpu; then
    nvidia-smi --query-gpu=name,driver_version,memory.total,clocks.max.sm --format=csv
    nvcc --version | tail -2
  fi
  grep -E '^(Torch_DIR|CMAKE_CUDA_COMPILER|CMAKE_CUDA_ARCHITECTURES|CUDAToolkit_VERSION)' \
    "$build/CMakeCache.txt" || true
}

run_kernels() {
  local code=0 log=$scratch/kernels.txt
  "$build/hsconas_cuda_bench" --seconds 45 | tee "$log" || code=$?
  sed -nE 's/^([0-9]+) checks, ([0-9]+) failed, ([0-9]+) sections.*/RESULT checks \1 checks\nRESULT failed \2 checks\nRESULT stopped \3 sections/p' "$log"
  return "$code"
}

run_tests() {
  local code=0 log=$scratch/tests.txt
  "$build/hsconas_gpu_tests" "$(pick "[gpu]" "[device]")" | tee "$log" || code=$?
  if grep -qE '^No test' "$log"; then
    echo 'no test is tagged [gpu] in this build'
    return 1
  fi
  return "$code"
}

train() {  # IMAGE BATCH [option...]
  "$build/hsconas_train_bench" --device "$device" --precision bf16 --image "$1" --results \
    --batch "$(pick "$2" 4)" --rounds "$(pick 30 2)" "${@:3}"
}
run_train-32-64() {
  # shellcheck disable=SC2046  # The output must be split into words.
  train 32 64 $(pick '--memory --kernels' '--first-steps 24')
}
run_train-32-512() { train 32 512 --with-data; }
run_train-224-512() { train 224 512 --memory --kernels --with-data; }

run_imagenet() {
  local log=$scratch/imagenet.txt
  train 224 1024 --divisor 1 --steps-only --memory --first-steps 24 --with-data | tee "$log"
  # gpu.json trains 100 epochs of ImageNet's 1,281,167 images.
  awk '$1 == "RESULT" && $2 == "images_per_s" { printf "RESULT hours %.1f h\n", 100 * 1281167 / $3 / 3600 }' "$log"
}

score() {
  "$build/hsconas_score_bench" --device "$device" --precision fp16 --threads "$(nproc)" --results "$@"
}
run_score() {
  # shellcheck disable=SC2046
  score $(pick '--candidates 20 --samples 20' '--images 100 --steps 3 --candidates 1 --samples 1')
}
run_learn() {
  # shellcheck disable=SC2046
  score $(pick '--candidates 1 --samples 1 --kendall 40 --losses 200' \
    '--images 100 --steps 3 --candidates 1 --samples 1 --kendall 3 --losses 3')
}

# Settings with which a search takes seconds.
tiny=(data.train_images=1000 data.holdout_images=300 data.test_images=100 supernet.epochs=2
  checkpoint_steps=5 search.generations=2 search.population=6 search.parents=3
  search.baseline_samples=3 shrink.samples=1 score.calibration_images=200
  score.validation_images=200 latency.rounds=3 latency.budget_minutes=0.05 latency.bias_networks=5
  latency.test_networks=5 latency.sample_ms=0.1)

run_search() {
  local settings=() start=$SECONDS answer
  on_gpu || settings=("${tiny[@]}")
  answer=$("$build/hsconas" --json search --config "$here/configs/quickstart.json" --overwrite \
    --work-dir "$scratch/search" device.type="$device" "${settings[@]}")
  result seconds $((SECONDS - start)) s
  results "$answer" held_out_accuracy winner.accuracy of_1 test_accuracy winner.test_accuracy of_1
}

run_kill() {
  local code=0 log=$scratch/kill.txt count
  count=$(pick 5 1)
  "$here/tests/scripts/kill_runs.sh" "$build/hsconas" KILL "$count" "$here/configs/quickstart.json" \
    device.type="$device" "${tiny[@]}" | tee "$log" || code=$?
  sed -nE 's/^([0-9]+) of ([0-9]+) the same$/RESULT same \1 of_\2/p' "$log"
  return "$code"
}

run_fashion() {
  local settings=() start=$SECONDS answer data=${GPU_CHECK_FASHION:-$here/data/fashion_mnist}
  [ -d "$data" ] || { echo "no folder $data: set GPU_CHECK_FASHION"; return 77; }
  on_gpu || settings=("${tiny[@]}")
  answer=$("$build/hsconas" --json search --config "$here/configs/fashion_mnist.json" --overwrite \
    --work-dir "$scratch/fashion" data.path="$data" device.type="$device" "${settings[@]}")
  result seconds $((SECONDS - start)) s
  results "$answer" held_out_accuracy winner.accuracy of_1 test_accuracy winner.test_accuracy of_1
}

run_latency-a() {
  local answer settings=(latency.budget_minutes=1)
  on_gpu || settings=("${tiny[@]}" latency.batch=1)
  # shellcheck disable=SC2086  # The variable holds several key=value.
  answer=$("$build/hsconas" --json profile --config "$here/configs/gpu.json" --overwrite \
    --work-dir "$scratch/latency-a" device.type="$device" "${settings[@]}" ${GPU_CHECK_LATENCY:-})
  echo "$answer"
  local -a figures=(entries entries blocks)
  local predictor
  for predictor in sum constant fitted; do
    figures+=("rmse_$predictor" "held_out.random.$predictor.rmse_percent" %
      "kendall_$predictor" "held_out.random.$predictor.kendall" -)
  done
  results "$answer" "${figures[@]}" kendall_ceiling held_out.random.kendall_ceiling -
}

run_latency() {
  local mode answer settings=() quick=(latency.batch=32 latency.budget_minutes=0.2 latency.bias_networks=20
    latency.test_networks=10)
  on_gpu || quick=("${tiny[@]}")
  for mode in graph eager; do
    settings=("latency.cuda=$mode")
    if ! "$build/hsconas" config print --config "$here/configs/quickstart.json" \
      "${settings[@]}" > /dev/null 2>&1; then
      [ "$mode" = graph ] && continue
      settings=()  # The program has no key latency.cuda and only eager launches.
    fi
    # shellcheck disable=SC2086  # The variable holds several key=value.
    answer=$("$build/hsconas" --json profile --config "$here/configs/quickstart.json" --overwrite \
      --work-dir "$scratch/latency-$mode" device.type="$device" "${quick[@]}" "${settings[@]}" \
      ${GPU_CHECK_LATENCY:-})
    echo "$answer"
    results "$answer" "${mode}_half_width" median_half_width_percent % \
      "${mode}_kendall" held_out.random.fitted.kendall - "${mode}_rmse" held_out.random.fitted.rmse_percent %
  done
}

run_sanitizer() {
  command -v compute-sanitizer > /dev/null || { echo 'compute-sanitizer is not installed'; return 77; }
  on_gpu || return 77
  compute-sanitizer --tool memcheck --error-exitcode 9 "$build/hsconas_gpu_tests" \
    "${GPU_CHECK_SANITIZED:-[gpu]}"
}

if [ -n "$inner" ]; then
  mkdir -p "$scratch"
  cd "$here"
  "run_$inner"
  exit
fi

left() { echo $((${GPU_CHECK_SECONDS:-540} - SECONDS + begin)); }

# ---- Prerequisites.

find_torch() {
  [ -n "${Torch_DIR:-}${CMAKE_PREFIX_PATH:-}" ] && return
  python3 -c 'import torch; print(torch.utils.cmake_prefix_path)' 2> /dev/null || true
}

check_gpu() {
  on_gpu || return 0
  nvidia-smi -L 2> /dev/null | grep '^GPU' > /dev/null ||
    fail 5 "no NVIDIA GPU: nvidia-smi is missing or lists none; run this on a machine that has one"
  command -v nvcc > /dev/null ||
    fail 5 "no nvcc: install the CUDA toolkit, or put its bin folder on the PATH"
}

# Fails unless the LibTorch that CMake found has CUDA.
check_torch() {
  on_gpu || return 0
  local folder
  folder=$(sed -nE 's/^Torch_DIR:[A-Z]+=//p' "$build/CMakeCache.txt" 2> /dev/null)
  case $folder in
    '' | *NOTFOUND) fail 5 "no LibTorch: install torch for python3, or set Torch_DIR or CMAKE_PREFIX_PATH" ;;
  esac
  [ -n "$(find "$folder/../../.." -maxdepth 2 -name 'libtorch_cuda*.so' -print -quit)" ] ||
    fail 5 "the LibTorch in $folder has no CUDA: set Torch_DIR to one that has (pip's torch has)"
}

# Prints the folder given by --deps, unpacked if necessary.
find_deps() {
  [ -n "$deps" ] || return 0
  local folder=$deps
  if [ -f "$deps" ]; then
    folder=$build/deps
    mkdir -p "$folder"
    tar xf "$deps" -C "$folder"
  fi
  # If the packages are in a folder usr/, at most two levels down, that folder is used.
  realpath "$(find "$folder" -maxdepth 2 -type d -name usr -print -quit | grep . || echo "$folder")"
}

configure() {
  local prefixes generator=()
  prefixes="$(find_deps);$(find_torch);${CMAKE_PREFIX_PATH:+${CMAKE_PREFIX_PATH//:/;}}"
  [ -e "$build/CMakeCache.txt" ] || ! command -v ninja > /dev/null || generator=(-G Ninja)
  cmake -S "$here" -B "$build" "${generator[@]}" -DCMAKE_BUILD_TYPE=Release -DHSCONAS_TESTS=ON \
    "-DCMAKE_PREFIX_PATH=$prefixes"
}

compile() {  # TARGET...: builds all of them, also after one has failed
  local keep_on=-k
  [ -e "$build/build.ninja" ] && keep_on='-k 0'
  # shellcheck disable=SC2086
  timeout "$(left)" cmake --build "$build" --parallel "$(nproc)" --target "$@" -- $keep_on
}

# ---- The run.

# logged NAME COMMAND...: runs a command, appends its output to the log under a heading and returns
# its exit code.
logged() {
  local code=0
  printf '\n==== %s, %s s left\n' "$1" "$(left)" >> "$out/log.txt"
  "${@:2}" 2>&1 | tee -a "$out/log.txt" > "$scratch/section.txt" || code=${PIPESTATUS[0]}
  return "$code"
}

row() { printf '%-14s %-24s %-14s %-22s %s\n' "$@" | tee -a "$out/table.txt"; }

# judge VALUE RELATION VALUE
judge() { awk -v a="$1" -v b="$3" -v relation="$2" 'BEGIN { exit !(relation == "<=" ? a <= b : a >= b) }'; }

bad=0
report() {  # SECTION EXIT_CODE SECONDS: prints a row per RESULT line, then one for the section
  local section=$1 code=$2 name value unit wish verdict
  while read -r _ name value unit; do
    echo "$section.$name $value $unit" >> "$out/results.txt"
    wish=$(awk -v name="$section.$name" '$1 == name { print $2, $3 }' <<< "$asked")
    verdict=
    if [ -n "$wish" ] && on_gpu; then
      verdict=ok
      # shellcheck disable=SC2086  # The variable holds two words.
      judge "$value" $wish || { verdict=missed; bad=1; }
    fi
    row "$section" "$name" "${wish:--}" "$value $unit" "$verdict"
  done < <(grep '^RESULT ' "$scratch/section.txt")
  case $code in
    0) verdict=ok ;;
    77) verdict="not run: $(tail -1 "$scratch/section.txt")" ;;
    124 | 137) verdict='missed: out of time' bad=1 ;;
    *) verdict="missed: exit code $code, $(grep -v '^$' "$scratch/section.txt" | tail -1 | cut -c1-160)" bad=1 ;;
  esac
  row "$section" whole - "$3 s" "$verdict"
}

check_gpu
mkdir -p "$out" "$scratch"
out=$(realpath "$out")
: > "$out/log.txt"
: > "$out/results.txt"
: > "$out/table.txt"
: > "$scratch/section.txt"
built=0
if [ -n "$builds" ]; then
  configured=0
  logged configure configure || configured=$?
  check_torch
  [ $configured = 0 ] || fail 1 "CMake failed: $(grep -m1 -A3 'CMake Error' "$out/log.txt" | tr -s '\n ' ' '); see $out/log.txt"
  targets=()
  for name in $only; do
    target=$(field "$name" 3)
    [ "$target" = - ] || [[ " ${targets[*]} " == *" $target "* ]] || targets+=("$target")
  done
  if [ ${#targets[@]} -gt 0 ]; then
    logged build compile "${targets[@]}" || built=$?
    grep -E 'error:|FAILED:|ninja: error|No rule' "$scratch/section.txt" | head -20 >&2 || true
  fi
fi

row section figure asked measured verdict
if [ -n "$builds" ]; then
  verdict=ok
  [ "$built" = 0 ] || verdict='missed: see log.txt' bad=1
  row build whole - "$((SECONDS - begin)) s" "$verdict"
fi
for name in $only; do
  target=$(field "$name" 3)
  box=$(field "$name" 2)
  on_gpu || box=$((10 * box))
  [ "$box" -le "$(left)" ] || box=$(left)
  if [ "$target" != - ] && [ ! -x "$build/$target" ]; then
    row "$name" whole - - "not run: $target was not built"
    bad=1
  elif [ "$box" -lt 5 ]; then
    row "$name" whole - - "not run: out of time"
    bad=1
  else
    start=$SECONDS
    code=0
    logged "$name" timeout --kill-after=5 "$box" "$script" --inner "$name" || code=$?
    report "$name" $code $((SECONDS - start))
  fi
done
echo
echo "$((SECONDS - begin)) s; table.txt, results.txt and log.txt are in $out"
exit $bad
