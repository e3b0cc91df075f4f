#!/bin/bash
# How shrinking changes the scores of random networks:
#   scripts/paper/shrinking.sh [--quick] [--gpu] DATA OUT [key=value ...]
# Scores random networks near the latency budget in the whole space and after each stage of
# shrinking, with the tuning of the supernet that follows a stage and without it: tuning alone raises
# scores, too.
#   SEEDS: default 1 2 3; quick: 1. IMAGES: fashion_mnist (default), cifar10 or builtin. key=value
#   changes the config.
# shellcheck source=scripts/paper/lib.sh
source "$(dirname "$0")/lib.sh"
begin "Shrinking" "$@"
search_settings
networks=300
if $quick; then
  seeds=${SEEDS:-1}
  networks=40
fi

# The networks of the search itself are the last ones that the run has scored.
scores() { # SERIES RUN
  tail -n "$(jq .search.evaluations "$(answer "$2" search)")" "$runs/$2/candidates.csv" |
    awk -F, -v series="$1" '{ print "\"" series "\"," $7 }'
}

echo series,F > "$folder/scores.csv.tmp"
echo 'networks,seed,mean F,deviation of F,best F,architectures (log10)' > "$folder/runs.csv.tmp"
for seed in $seeds; do
  trained=$(supernet shared "$seed")
  for stage in 0-true 1-false 2-false 1-true 2-true; do
    tuning=$tune_epochs tuned=", tuned"
    if [ "${stage#*-}" = false ]; then tuning=0 tuned=", not tuned"; fi
    what="after stage ${stage%-*}$tuned"
    [ "${stage%-*}" != 0 ] || what="whole space"
    run=stage-$stage-$seed
    search_run "$run" "$trained" "seed=$seed" "latency.accelerator=$accelerators/kc-p.json" \
      "shrink.stages=$(shrink_stages "${stage%-*}" "$tuning")" latency.target_position=0.35 \
      search.method=random "search.population=$networks" search.generations=0 search.racing=1
    scores "$what" "$run" > "$folder/scores.tmp"
    cat "$folder/scores.tmp" >> "$folder/scores.csv.tmp"
    awk -F, -v what="$what" -v seed="$seed" \
      -v size="$(jq .log10_shrunk_space "$(answer "$run" search)")" '
      { sum += $NF; squares += $NF ^ 2; if (NR == 1 || $NF > best) best = $NF }
      END { mean = sum / NR
            printf "\"%s\",%s,%.6f,%.6f,%.6f,%.4f\n", what, seed, mean,
                   sqrt((squares - NR * mean ^ 2) / (NR - 1)), best, size }' \
      "$folder/scores.tmp" >> "$folder/runs.csv.tmp"
  done
done
rm "$folder/scores.tmp"
mv "$folder/runs.csv.tmp" "$folder/runs.csv"
mv "$folder/scores.csv.tmp" "$folder/scores.csv"

says "A stage that fixes the operators of four layers with five operators each divides the space by \
5^4 = 625, which is 2.8 in log10 (computed). HSCoNAS's plot of the scores is not in the sources at hand."
summary 1 '- %.4f %.4f! %.4f! %.2f!' < "$folder/runs.csv" |
  table shrinking "$networks random networks near the budget, scored by shared weights on $images; $(seeds_text "$seeds")"
grep -v 'not tuned' "$folder/scores.csv" |
  plot scores_tuned histogram "Scores of random networks, with tuning" "F" "share of networks (%)"
grep -v ', tuned' "$folder/scores.csv" |
  plot scores_untuned histogram "Scores of random networks, same weights throughout" "F" "share of networks (%)"
single_runs
finish
