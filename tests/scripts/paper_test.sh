#!/bin/bash
# The common part of scripts/paper: tables and plots come out in all their forms, a step that has
# finished is not repeated, and quick and full results are not mixed. All scripts that run the program
# print their heads for --help, and say so if the program is missing.
set -euo pipefail
if ! command -v jq > /dev/null; then
  echo "skipped: no jq"
  [ -z "${HSCONAS_SKIPS:-}" ] || echo "skipped: tables and plots of scripts/paper: no jq" >> "$HSCONAS_SKIPS"
  exit 77
fi
paper=$(cd "$(dirname "$0")/../../scripts/paper" && pwd)
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT

fail() {
  echo "paper_test: $1" >&2
  exit 1
}

# A script as those in the folder, and a "program" that counts how often it is called.
cat > "$tree/program" << 'E1'
#!/bin/bash
echo call >> "$CALLS"
[ ! -e "$CALLS.fails" ] || exit 1
echo '{"answer": 42}'
E1
cat > "$tree/sample.sh" << 'E2'
#!/bin/bash
# A sample:
#   sample.sh [--quick] DATA OUT
source "$PAPER/lib.sh"
begin "A sample & its title" "$@"
step run answer program answer
says "x < y"
printf 'network,seed,accuracy (%%)\n"a, b_1",1,90\n"a, b_1",2,92\nc|d,1,80\n' > "$folder/runs.csv"
summary 1 '- %.1f' < "$folder/runs.csv" | table sizes "Accuracies & more"
printf 'series,x,y\none,1,1\none,2,3\nt<o,3,2\n' | plot dots identity "A plot" "x (ms)" "y (ms)"
printf 'series,label,value,spread\n,first,1,0.5\n,second,-1\n' | plot rows bars "Bars" points ""
printf 'series,value\nbefore,1\nbefore,2\nafter,3\n' | plot shares histogram "Shares" F "share (%)"
finish
E2
chmod +x "$tree/program" "$tree/sample.sh"
mkdir "$tree/data"
sample() { PAPER=$paper CALLS=$tree/calls HSCONAS=$tree/program "$tree/sample.sh" "$@"; }

# A step that fails is repeated by the next call, one that has ended is not.
touch "$tree/calls.fails"
sample "$tree/data" "$tree/out" > /dev/null 2>&1 && fail "a step that failed was let through"
[ ! -e "$tree/out/sample/section.html" ] || fail "a script that failed has left a section"
rm "$tree/calls.fails"
sample "$tree/data" "$tree/out" > "$tree/printed" 2> /dev/null || fail "the sample failed"
sample "$tree/data" "$tree/out" > /dev/null 2>&1
[ "$(wc -l < "$tree/calls")" -eq 2 ] || fail "expected 2 calls of the program, got $(wc -l < "$tree/calls")"
[ "$(cat "$tree/out/sample/answers/run.answer.json")" = '{"answer": 42}' ] || fail "the answer was not kept"

check() { # FILE EXPECTED
  diff <(cat "$tree/out/sample/$1") <(printf '%s\n' "$2") || fail "$1 is not as expected"
}
check sizes.csv 'network,accuracy (%)
"a, b_1",91.0 ± 1.4
c|d,80.0'
check sizes.md 'Accuracies & more

| network | accuracy (%) |
|---|---:|
| a, b_1 | 91.0 ± 1.4 |
| c\|d | 80.0 |'
check sizes.tex '\begin{table}
\caption{Accuracies \& more}
\begin{tabular}{lr}
\hline
network & accuracy (\%) \\ \hline
a, b\_1 & 91.0 $\pm$ 1.4 \\
c|d & 80.0 \\
\hline
\end{tabular}
\end{table}'
diff <(head -n 6 "$tree/printed") <(cat "$tree/out/sample/sizes.md") || fail "the table is not printed"

svg=$tree/out/sample/dots.svg
[ "$(grep -c '<circle' "$svg")" -eq 3 ] || fail "dots.svg must have three points"
grep -q 'stroke-dasharray' "$svg" || fail "dots.svg has no diagonal"
grep -q '>t&lt;o</text>' "$svg" || fail "dots.svg has no legend, or does not escape it"
[ "$(grep -c '<rect x=' "$tree/out/sample/rows.svg")" -eq 2 ] || fail "rows.svg must have two bars"
[ "$(grep -c '<polygon' "$tree/out/sample/shares.svg")" -eq 2 ] || fail "shares.svg must have two outlines"
for file in dots rows shares; do
  tail -n 1 "$tree/out/sample/$file.svg" | grep -q '^</svg>$' || fail "$file.svg is not complete"
done

page=$tree/out/sample/section.html
for words in 'A sample &amp; its title' 'x &lt; y' '<td>a, b_1</td><td class="number">91.0 ± 1.4</td>' \
    'href="sample/sizes.csv"' 'href="sample/dots.svg"' 'runs/sample'; do
  grep -qF "$words" "$page" || fail "section.html lacks $words"
done

refused=$(sample --quick "$tree/data" "$tree/out" 2>&1) && fail "quick and full results were mixed"
[[ $refused == *"holds results of another kind (full): name another folder"* ]] || fail "got: $refused"
refused=$(sample "$tree/data" 2>&1) && fail "a call without OUT was let through"
[[ $refused == *"sample.sh [--quick] DATA OUT"* ]] || fail "no usage without OUT, but: $refused"

for script in "$paper"/*.sh "$paper"/../*.sh; do
  name=$(basename "$script")
  [ "$name" != lib.sh ] || continue
  grep -q '^needs=\|/lib.sh"$' "$script" || continue
  [[ $("$script" --help) == *"$name"* ]] || fail "$name --help does not name the script"
  refused=$(HSCONAS=/absent/hsconas "$script" "$tree/data" "$tree/none" 3 2>&1) && fail "$name needs no program"
  [[ $refused == *"there is no program /absent/hsconas: build it"* ]] || fail "$name: $refused"
done
[ ! -e "$tree/none" ] || fail "a script that was refused has left files"
exit 0
