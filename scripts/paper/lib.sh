#!/bin/bash
# The common part of the scripts in this folder, which source it: options, runs that are continued,
# and tables and plots in Markdown, CSV, LaTeX, SVG and HTML. A script
#   1. calls `begin TITLE "$@"`, which reads [--quick] [--gpu] DATA OUT [key=value ...];
#   2. runs the program with `step`, which repeats nothing that has finished;
#   3. writes its results with `says`, `note`, `table` and `plot`;
#   4. calls `finish`, which writes OUT/NAME/section.html, its part of the page of all.sh.
# Runs are in OUT/runs/NAME, the answers of the program in OUT/NAME/answers. OUT/steps.tsv has a
# line for each step when it starts, and one with its seconds when it has ended.
set -euo pipefail
shopt -s inherit_errexit
paper=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
here=$(cd "$paper/../.." && pwd)
accelerators=$here/configs/accelerators
readonly not_possible=77  # The exit code of a script that this machine or DATA cannot serve.

fail() { echo "$0: $1" >&2; exit 2; }

# Ends the script because something is missing that the reader may not have.
skip() {
  echo "$0: skipped: $1" >&2
  echo "$1" > "$folder/skipped.txt"
  rm -f "$folder"/*.tmp
  exit $not_possible
}

begin() { # TITLE [--quick] [--gpu] DATA OUT [key=value ...]
  title=$1
  shift
  needs=2
  # shellcheck source=scripts/program.sh
  source "$here/scripts/program.sh"
  name=$(basename "$0" .sh)
  command="scripts/paper/$name.sh $*"
  local variable
  for variable in ONLY IMAGES SEEDS TARGETS TARGET DEVICES EPOCHS PATHS NETWORKS METHODS SEARCHES; do
    [ -z "${!variable-}" ] || command="$variable='${!variable}' $command"
  done
  quick=false gpu=false
  local word words=()
  for word in "$@"; do
    case $word in
      --quick) quick=true ;;
      --gpu) gpu=true ;;
      -*) fail "unknown option $word" ;;
      *) words+=("$word") ;;
    esac
  done
  [ ${#words[@]} -ge 2 ] || { usage >&2; exit 2; }
  [ -d "${words[0]}" ] || fail "${words[0]} is no folder with data"
  for word in "${words[@]:2}"; do
    [[ $word == *=* ]] || fail "$word is no setting (key=value)"
  done
  command -v jq > /dev/null || { echo "$0: needs jq" >&2; exit 3; }
  data=$(cd "${words[0]}" && pwd)
  mkdir -p "${words[1]}" || fail "${words[1]} cannot be made a folder: name another OUT"
  out=$(cd "${words[1]}" && pwd)
  overrides=("${words[@]:2}")
  folder=$out/$name
  runs=$out/runs/$name
  steps=$out/steps.tsv
  pieces=$folder/section.html.tmp
  check_size
  mkdir -p "$folder/answers" "$runs"
  rm -f "$folder"/{skipped.txt,left_out.txt,section.html}
  start_section
}

# Quick and full results must not be mixed, because a run cannot change its settings.
check_size() {
  size=full
  ! $quick || size=quick
  ! $gpu || size+=" gpu"
  [ ! -e "$out/size" ] || [ "$(cat "$out/size")" = "$size" ] ||
    fail "$out holds results of another kind ($(cat "$out/size")): name another folder"
}

# The settings of all searches, in the array `settings`, and the seeds. IMAGES says on which images: fashion_mnist
# (the default, if DATA has it), cifar10 or builtin (generated ones).
search_settings() {
  local fashion=$data/images/fashion_mnist
  images=${IMAGES:-fashion_mnist}
  if [ -z "${IMAGES-}" ] && [ ! -d "$fashion" ]; then images=builtin; fi
  case $images in
    fashion_mnist)
      [ -d "$fashion" ] || skip "$fashion is missing"
      settings=(--config "$here/configs/fashion_mnist.json" "data.path=$fashion") ;;
    cifar10)
      local tree
      tree=$(cifar10_tree)
      settings=(--config "$here/configs/cifar10.json" data.format=folder "data.path=$tree") ;;
    builtin) settings=(--config "$here/configs/quickstart.json") ;;
    *) fail "IMAGES must be fashion_mnist, cifar10 or builtin, got $images" ;;
  esac
  # shellcheck disable=SC2034  # Used by the scripts.
  seeds=${SEEDS:-1 2 3}
  tune_epochs=3
  if $quick; then
    # shellcheck disable=SC2034
    seeds=${SEEDS:-1 2}
    tune_epochs=0.5
    settings+=(data.train_images=8000 data.holdout_images=1000 data.test_images=2000
      latency.batch=4 latency.rounds=5 latency.sample_ms=0.5 latency.budget_minutes=0.5
      latency.bias_networks=40 latency.test_networks=30
      score.calibration_images=250 score.validation_images=500 score.batch=250
      supernet.epochs=8 shrink.samples=5 search.population=15 search.generations=5
      search.parents=5 search.baseline_samples=10 retrain.epochs=6)
  fi
  settings+=("shrink.stages=$(shrink_stages 2 "$tune_epochs")")
  ! $gpu || settings+=(device.type=cuda)
  settings+=(${overrides[@]+"${overrides[@]}"})
}

# The first N of the two stages of shrinking, each with so many epochs of tuning.
shrink_stages() { # N TUNE_EPOCHS
  jq -nc --argjson n "$1" --argjson tune "$2" \
    '[{layers: 2, tune_epochs: $tune, lr: 0.02}, {layers: 2, tune_epochs: $tune, lr: 0.01}][:$n]'
}

# CIFAR-10 as folders of images, unpacked once; prints the folder.
cifar10_tree() {
  local archive=$data/images/cifar10/cifar10-jpeg-tree.tar.xz tree=$out/cifar10
  if [ ! -d "$tree" ]; then
    [ -e "$archive" ] || skip "$archive is missing"
    rm -rf "$tree.tmp"
    mkdir -p "$tree.tmp"
    tar -xf "$archive" -C "$tree.tmp"
    mv "$tree.tmp" "$tree"
  fi
  dirname "$(find -H "$tree" -maxdepth 3 -type d -name train | head -n 1)"
}

# step RUN WHAT COMMAND ...: runs a command that prints JSON, once, with its answer in a file (see
# answer). The same step with another command runs again.
step() { step_of "$name" "$folder/answers" "$@"; }
step_of() { # SCRIPT ANSWERS RUN WHAT COMMAND ...
  local key answer=$2/$3.$4.json begin=$SECONDS
  key=$(printf '%s\t%s\t%s\t%s' "$1" "$3" "$4" "${*:5}")
  mkdir -p "$2"
  echo "$size" > "$out/size"
  touch "$steps"
  if [ -e "$answer" ] && WANTED=$key awk 'index($0, ENVIRON["WANTED"] "\tended\t") == 1 { found = 1 }
      END { exit !found }' "$steps"; then
    return
  fi
  echo "$1: $3, $4" >&2
  printf '%s\tstarted\t\n' "$key" >> "$steps"
  "${@:5}" > "$answer.tmp"
  mv "$answer.tmp" "$answer"
  printf '%s\tended\t%s\n' "$key" $((SECONDS - begin)) >> "$steps"
}
answer() { echo "$folder/answers/$1.$2.json"; } # RUN WHAT

program() { "$hsconas" --json -q "$@"; }

# A trained supernet; prints the run's folder. KIND "shared" is that of the settings, which all
# scripts use. The latency model of this run is never used.
supernet() { # KIND SEED [key=value ...]
  local run=$out/runs/supernet/$1-$2
  step_of supernet "$out/runs/supernet/answers" "$1-$2" train program train "${settings[@]}" \
    "seed=$2" "latency.accelerator=$accelerators/kc-p.json" "${@:3}" --work-dir "$run" --resume
  echo "$run"
}

# The latency table of a device of this machine, measured once for all scripts; prints its file.
device_table() { # cpu|cuda
  local run=$out/runs/latency/$1
  step_of latency_model "$out/latency_model/answers" "$1" profile program profile "${settings[@]}" \
    "latency.device=$1" --work-dir "$run" --resume
  echo "$run/latency.json"
}

# Shrinks and searches with the supernet in a folder.
search_run() { # RUN SUPERNET [key=value ...]
  local run=$1 trained=$2 stage
  shift 2
  for stage in shrink search; do
    step "$run" $stage program $stage "${settings[@]}" "$@" --supernet "$trained" \
      --work-dir "$runs/$run" --resume
  done
}
retrain_winner() { step "$1" retrain program retrain "$runs/$1" --resume; } # RUN

# ---- What comes out

# Tables often stand at the end of a pipe, in a process of their own; so this is kept in files.
start_section() { : > "$pieces"; : > "$folder/tables.tmp"; }
html() { sed 's/&/\&amp;/g; s/</\&lt;/g; s/>/\&gt;/g' <<< "$1"; }

# What a public source says, to stand beside the measurements.
says() { echo "<p class=\"source\"><b>The source:</b> $(html "$1")</p>" >> "$pieces"; }
# Something that the script makes elsewhere, but not here; all.sh lists it with the reason.
left_out() {
  echo "$1" >> "$folder/left_out.txt"
  note "Left out: $1."
}
note() { echo "<p>$(html "$1")</p>" >> "$pieces"; }

csv_awk() { awk -f "$paper/csv.awk" -f "$paper/$1" "${@:2}"; }

# table FILE CAPTION: a CSV with a header from stdin, as OUT/NAME/FILE.csv, .md and .tex.
table() {
  local file=$folder/$1 form
  cat > "$file.csv"
  for form in md tex html; do
    csv_awk table.awk -v "form=$form" -v "caption=$2" "$file.csv" > "$file.$form.tmp"
  done
  cat "$file.html.tmp" >> "$pieces"
  rm "$file.html.tmp"
  mv "$file.md.tmp" "$file.md"
  mv "$file.tex.tmp" "$file.tex"
  echo "$file.md" >> "$folder/tables.tmp"
  trace "$1.csv" "$1.md" "$1.tex"
}

# plot FILE KIND TITLE XLABEL YLABEL: a CSV from stdin (see plot.awk), as OUT/NAME/FILE.csv and .svg.
plot() {
  local file=$folder/$1
  cat > "$file.csv"
  csv_awk plot.awk -v "kind=$2" -v "title=$3" -v "xlabel=$4" -v "ylabel=$5" "$file.csv" > "$file.svg.tmp"
  mv "$file.svg.tmp" "$file.svg"
  { echo "<figure>"; cat "$file.svg"; echo "</figure>"; } >> "$pieces"
  trace "$1.csv" "$1.svg"
}

# Says on the page where numbers come from.
trace() {
  local file line="Files:"
  for file in "$@"; do line+=" <a href=\"$name/$file\">$name/$file</a>"; done
  echo "<p class=\"trace\">$line</p>" >> "$pieces"
}

# columns NAMES: the named columns of the CSV on stdin.
columns() { csv_awk columns.awk -v "names=$1"; }

# How a caption says which seeds a mean is over.
seeds_text() { # "1 2"
  if [ "$(wc -w <<< "$1")" -eq 1 ]; then echo "seed $1"; else echo "mean ± standard deviation of seeds ${1// /, }"; fi
}

# For means: names the file with the numbers of each run.
single_runs() { echo "<p class=\"trace\">Each run alone: <a href=\"$name/runs.csv\">$name/runs.csv</a></p>" >> "$pieces"; }

# summary KEYS FORMATS: means over repetitions of the CSV on stdin, see summary.awk.
summary() { csv_awk summary.awk -v "keys=$1" -v "formats=$2"; }

finish() {
  local kind=full file
  ! $quick || kind="quick: small settings that show that everything works; the numbers are no results"
  {
    echo "<section id=\"$name\"><h2>$(html "$title")</h2>"
    echo "<p class=\"trace\">$(html "$command") ($kind). Runs: runs/$name, answers of the program:" \
      "$name/answers, steps with their seconds: steps.tsv</p>"
    cat "$pieces"
    echo "</section>"
  } > "$folder/section.html.new"
  mv "$folder/section.html.new" "$folder/section.html"
  rm "$pieces"
  while read -r file; do cat "$file"; echo; done < "$folder/tables.tmp"
  rm "$folder/tables.tmp"
}
