#!/bin/bash
# All tables and plots of this folder on one page, OUT/index.html:
#   scripts/paper/all.sh [--quick] [--gpu] DATA OUT [key=value ...]
# DATA is a folder of data sets and published measurements, see docs/paper.md; what needs data that it
# lacks is left out. OUT gets everything; a second call continues where the first was stopped. A
# script that fails does not stop the others. --quick takes small settings, sized for less than an
# hour on two cores; --gpu trains, scores and measures latencies on a GPU. key=value changes the config of
# the searches on images, but not those of ranking, dance, semi_decoupled and methods.
#   ONLY: names of the scripts to run, default all. Environment variables of the scripts are passed on.
# shellcheck source=scripts/paper/lib.sh
source "$(dirname "$0")/lib.sh"
begin "All tables" "$@"
rm -rf "$folder" "$runs"
scripts=${ONLY:-main_table latency_model ablations ranking specialisation shrinking search_cost
  semi_decoupled dance methods}
for script in $scripts; do
  [ -x "$paper/$script.sh" ] || fail "ONLY names $script, but there is no script $paper/$script.sh"
done
options=()
! $quick || options+=(--quick)
! $gpu || options+=(--gpu)
mkdir -p "$out/logs"

failures=0
: > "$out/missing.html"
missing() { echo "<li><b>$1</b>: $(html "$2")</li>" >> "$out/missing.html"; }
declare -A took
for script in $scripts; do
  own=()
  case $script in semi_decoupled | dance | ranking | methods) ;; *) own=(${overrides[@]+"${overrides[@]}"}) ;; esac
  echo "== $script" >&2
  begin=$SECONDS status=0
  env -u ONLY "$paper/$script.sh" ${options[@]+"${options[@]}"} "$data" "$out" \
    ${own[@]+"${own[@]}"} > "$out/logs/$script.log" 2>&1 || status=$?
  took[$script]=$((SECONDS - begin))
  case $status in
    0)
      echo "   ${took[$script]} s" >&2
      [ ! -e "$out/$script/left_out.txt" ] ||
        while read -r line; do missing "$script, in part" "$line"; done < "$out/$script/left_out.txt"
      ;;
    "$not_possible")
      echo "   skipped: $(cat "$out/$script/skipped.txt")" >&2
      missing "$script" "$(cat "$out/$script/skipped.txt")"
      ;;
    *)
      echo "   failed with $status, see $out/logs/$script.log" >&2
      missing "$script" "failed with exit code $status: $(tail -n 1 "$out/logs/$script.log")"
      failures=$((failures + 1))
      ;;
  esac
done

{
  cat << 'HTML'
<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>hsconas: tables and plots</title>
<style>
body { font: 15px/1.45 sans-serif; max-width: 1100px; margin: 2em auto; padding: 0 1em; color: #222; }
h2 { border-top: 2px solid #444; padding-top: .6em; margin-top: 2em; }
table { border-collapse: collapse; margin: 1.2em 0 .3em; }
caption { text-align: left; font-weight: bold; padding-bottom: .3em; }
th, td { padding: .15em .7em; border-bottom: 1px solid #ccc; text-align: left; }
td { overflow-wrap: anywhere; }
.number { text-align: right; white-space: nowrap; }
thead .number { white-space: normal; }
.trace { font-size: 12px; color: #666; margin: .2em 0 1em; }
.source { background: #f2f2ea; border-left: 4px solid #b9b48c; padding: .4em .8em; }
figure { margin: 1em 0 0; overflow-x: auto; }
</style></head><body>
HTML
  echo "<h1>Tables and plots</h1><p>Made by <code>$(html "$command")</code> with $(html "$("$hsconas" --version)")" \
    "on $(nproc) cores."
  ! $quick || echo "<b>Quick settings: short trainings, few seeds and few networks. The numbers show" \
    "that everything works; they are no results.</b>"
  echo "Under <i>The source</i> stands what was read in a public source or computed from public data;" \
    "everything else was measured here. Every table and plot names its files.</p><ul>"
  for script in $scripts; do
    [ ! -e "$out/$script/section.html" ] || echo "<li><a href=\"#$script\">$script</a> (${took[$script]} s in this call)</li>"
  done
  echo "</ul>"
  if [ -s "$out/missing.html" ]; then
    echo "<h2>Not made</h2><ul>"
    cat "$out/missing.html"
    echo "</ul>"
  fi
  for script in $scripts; do
    [ ! -e "$out/$script/section.html" ] || cat "$out/$script/section.html"
  done
  echo "</body></html>"
} > "$out/index.html.tmp"
mv "$out/index.html.tmp" "$out/index.html"
rm "$out/missing.html"
echo "$out/index.html"
[ "$failures" -eq 0 ] || exit 1
