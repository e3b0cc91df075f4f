#!/bin/sh
# Fails when a CMake list names a source twice, and when no list names a source in src or a test.
# CMake itself reports neither. Checks this checkout, or the folder given as argument.
set -eu
cd "${1:-$(dirname "$0")/..}"

# "LIST FILE" for each source of each add_library, add_executable and target_sources.
sources_of() {
  sed 's/#.*//' "$@" | tr '\n()' '  )' | tr ')' '\n' | awk '
    { for (i = 1; i < NF; i++) if ($i ~ /^(add_library|add_executable|target_sources)$/)
        for (j = i + 2; j <= NF; j++) if ($j ~ /\.(cpp|cu)$/) print $(i + 1), $j }'
}

bad=0
complain() {
  [ -z "$1" ] && return
  echo "$1"
  bad=1
}

library=$(sources_of CMakeLists.txt cmake/*.cmake | awk '{ print $2 }' | grep '^src/' | sort)
tests=$(sources_of tests/CMakeLists.txt | sort)
# The file(GLOB) patterns of a CMakeLists.txt, such as src/search/*.cpp, as regular expressions.
patterns_of() { grep -oE '[a-z_/]+/\*[a-z_]*\.cpp' "$1" | sed 's#\*#[^/]*#; s#\.#[.]#'; }
# missing LIST CMAKE: reads one file per line and names those in neither the list nor a pattern.
missing() {
  patterns_of "$2" > "$patterns" || :
  while read -r file; do
    echo "$file" | grep -qxf "$patterns" && continue
    echo "$1" | grep -qxF "$file" || echo "$file is in no CMake list"
  done
}
patterns=$(mktemp)
trap 'rm -f "$patterns"' EXIT
complain "$(echo "$library" | uniq -d | sed 's/$/ is named twice in the CMake lists/')"
complain "$(echo "$tests" | uniq -d | sed 's/ / names /; s/$/ twice/')"
complain "$(find src -name '*.cpp' -o -name '*.cu' | sort |
  missing "$library" CMakeLists.txt)"
complain "$(cd tests && find ./* -name '*_test.cpp' | sed 's#^\./##' | sort |
  missing "$(echo "$tests" | awk '{ print $2 }')" CMakeLists.txt)"
exit $bad
