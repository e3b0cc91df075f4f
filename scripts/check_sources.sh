#!/bin/sh
# Fails when a list of CMake names a source twice, or none names a file of src or a test: CMake says
# neither. Checks this checkout, or the folder given.
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
missing() {  # LIST, and one file a line on stdin: those that do not stand in the list
  while read -r file; do
    echo "$1" | grep -qxF "$file" || echo "$file is in no list of CMake"
  done
}
complain "$(echo "$library" | uniq -d | sed 's/$/ stands twice in the lists of CMake/')"
complain "$(echo "$tests" | uniq -d | sed 's/ / names /; s/$/ twice/')"
complain "$(find src -name '*.cpp' -o -name '*.cu' | sort | missing "$library")"
complain "$(cd tests && find ./* -name '*_test.cpp' | sed 's#^\./##' | sort |
  missing "$(echo "$tests" | awk '{ print $2 }')")"
exit $bad
