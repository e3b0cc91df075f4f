#!/bin/bash
# Semi-decoupled search of a network and an accelerator against the other methods:
#   scripts/paper/semi_decoupled.sh [--quick] [--gpu] DATA OUT [key=value ...]
# Runs scripts/codesign_tables.sh on the accuracies of NAS-Bench-Macro, which DATA must have in
# nas_bench_macro. key=value changes the config.
# shellcheck source=scripts/paper/lib.sh
source "$(dirname "$0")/lib.sh"
begin "Semi-decoupled co-design" "$@"
known=$data/nas_bench_macro/nas_bench_macro_cifar10.csv.gz
[ -e "$known" ] || skip "$known is missing"
methods="coupled decoupled semi_decoupled random evolution two_level multi_phase bayesian"

# A method's line of the table is printed by the script; the numbers are those of codesign.json.
run_method() { # METHOD [key=value ...]
  HSCONAS=$hsconas METHODS=$1 "$here/scripts/codesign_tables.sh" "$known" "$runs" "${@:2}" >&2
  cat "$runs/$1/codesign.json"
}
for method in $methods; do
  step "$method" codesign run_method "$method" ${overrides[@]+"${overrides[@]}"}
done

says "Semi-decoupled search (abstract): the best networks on one accelerator are close to the best on \
others, because accelerators rank networks almost alike; so the other accelerators are searched only \
together with this small set, which divides the number of pairs by orders of magnitude and keeps the \
optimum."
{
  echo 'method,networks,pairs,seconds,accuracy (%),latency (ms),energy (10^6),network,accelerator'
  for method in $methods; do
    jq -r --arg method "$method" '[$method, .evaluations.networks, .evaluations.pairs,
      (.seconds * 100 | round / 100), (.best.accuracy * 1e4 | round / 100),
      (.best.latency_ms * 1e4 | round / 1e4), (.best.energy / 1e4 | round / 100), .best.arch, .best.design] | @csv' \
      "$(answer "$method" codesign)"
  done
} | table semi_decoupled "Networks and pairs tried, and the best pair"
{
  echo series,label,value
  for method in $methods; do
    jq -r --arg method "$method" '["", $method, (.evaluations.pairs | log10)] | @csv' "$(answer "$method" codesign)"
  done
} | plot pairs bars "Pairs whose cost was computed" "log10 of the pairs" ""
if [ -e "$runs/semi_decoupled/ranks.svg" ]; then
  cp "$runs/semi_decoupled/ranks.svg" "$folder/ranks.svg"
  cp "$runs/semi_decoupled/ranks.csv" "$folder/ranks.csv"
  { echo "<figure>"; cat "$folder/ranks.svg"; echo "</figure>"; } >> "$pieces"
  note "How alike the designs rank networks, by latency and by energy."
  trace ranks.csv ranks.svg
fi
finish
