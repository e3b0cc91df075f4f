#!/bin/bash
# The full method against the method with one part left out, at equal budgets:
#   scripts/paper/ablations.sh [--quick] [--gpu] DATA OUT [key=value ...]
# Left out are: channel scaling (the space has only the full widths), shrinking (the supernet trains
# as many epochs longer as shrinking's tuning takes, and the search scores as many networks more as
# shrinking does), and evolution (random search in the same shrunk space). All searches have the
# latency budget of the full method on one accelerator, so that no error of a measurement takes part.
# Each winner is then trained alone, because scores of different supernets cannot be compared.
#   SEEDS: default 1 2 3; quick: 1 2. TARGET: position of the budget in the space (default 0.35).
#   IMAGES: fashion_mnist (default), cifar10 or builtin. key=value changes the config.
# shellcheck source=scripts/paper/lib.sh
source "$(dirname "$0")/lib.sh"
begin "Ablations" "$@"
search_settings
settings+=("latency.accelerator=$accelerators/kc-p.json")
variants=("full method" "no channel scaling" "no shrinking" "random instead of evolution")

# What shrinking spends, for the search without it: each of its four layers tries every operator.
resolved=$("$hsconas" config print "${settings[@]}")
value() { jq "$1" <<< "$resolved"; }
epochs_unshrunk=$(value '.supernet.epochs + ([.shrink.stages[].tune_epochs] | add)')
generations_unshrunk=$(value '.search.generations + (((.space.operators | length) *
  ([.shrink.stages[].layers] | add) * .shrink.samples / .search.population) | floor)')

# Copies a finished run under another name, so that its supernet and its shrunk space are used.
copy_run() { # FROM TO
  [ ! -e "$runs/$2" ] || return 0
  rm -rf "$runs/$2.tmp"
  cp -r "$runs/$1" "$runs/$2.tmp"
  rm -rf "$runs/$2.tmp/retrain"
  mv "$runs/$2.tmp" "$runs/$2"
}

figures() { # SEED VARIANT RUN
  jq -rn --arg seed "$1" --arg variant "$2" --argjson full "$(jq .test_accuracy "$(answer "full-$1" retrain)")" \
    --slurpfile search "$(answer "$3" search)" --slurpfile alone "$(answer "$3" retrain)" '
    $search[0] as $s | $alone[0].test_accuracy as $accuracy
    | [$variant, $seed, 100 * $accuracy, 100 * ($accuracy - $full), $s.winner.predicted_ms / $s.target_ms,
       $s.winner.score, $alone[0].macs / 1e6, $s.search.evaluations] | @csv'
}

echo 'variant,seed,test accuracy (%),difference (points),latency / T,F with its supernet,multiply-adds (M),scored in the search' \
  > "$folder/runs.csv.tmp"
for seed in $seeds; do
  trained=$(supernet shared "$seed")
  search_run "full-$seed" "$trained" "seed=$seed" "latency.target_position=${TARGET:-0.35}"
  target="latency.target_ms=$(jq .target_ms "$(answer "full-$seed" search)")"

  trained=$(supernet full-widths "$seed" 'space.widths=[1.0]')
  search_run "no-scaling-$seed" "$trained" "seed=$seed" "$target" 'space.widths=[1.0]'

  trained=$(supernet longer "$seed" "supernet.epochs=$epochs_unshrunk" 'shrink.stages=[]')
  search_run "no-shrinking-$seed" "$trained" "seed=$seed" "$target" 'shrink.stages=[]' \
    "supernet.epochs=$epochs_unshrunk" "search.generations=$generations_unshrunk"

  copy_run "full-$seed" "random-$seed"
  step "random-$seed" search program search "${settings[@]}" "seed=$seed" \
    "latency.target_position=${TARGET:-0.35}" search.method=random --work-dir "$runs/random-$seed" \
    --resume --allow-changes

  i=0
  for run in full no-scaling no-shrinking random; do
    retrain_winner "$run-$seed"
    figures "$seed" "${variants[$i]}" "$run-$seed" >> "$folder/runs.csv.tmp"
    i=$((i + 1))
  done
done
mv "$folder/runs.csv.tmp" "$folder/runs.csv"

says "HSCoNAS (abstract) names dynamic channel scaling and progressive space shrinking as its parts, \
and says that earlier methods kept the number of channels fixed. Its ablations are not in the sources \
at hand."
summary 1 '- %.2f %+.2f %.3f %.3f %.2f %.0f!' < "$folder/runs.csv" |
  table ablations "Winners trained alone on $images; $(seeds_text "$seeds"). The differences are those of equal seeds"
{
  echo series,label,value,spread
  summary 1 '- - %.4f - - - -' < "$folder/runs.csv" |
    awk -F, 'NR > 1 && $1 != "full method" { split($2, part, " ± "); print "," $1 "," part[1] "," part[2] }'
} | plot differences bars "Test accuracy without a part, against the full method" "difference (points)" ""
note "A negative difference says that the part helps. A difference that is smaller than its spread says nothing."
single_runs
finish
