#!/bin/sh
# check_sources.sh accepts lists that name each source once, and reports a source that is named twice or
# not at all.
set -eu
check=$(cd "$(dirname "$0")/../../scripts" && pwd)/check_sources.sh
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
mkdir -p "$tree/src/base" "$tree/tests/base" "$tree/cmake"
touch "$tree/src/base/a.cpp" "$tree/src/base/b.cu" "$tree/tests/base/a_test.cpp"

fail() {
  echo "check_sources_test: $1" >&2
  exit 1
}
expect() {
  found=$("$check" "$tree") && fail "let through: $1"
  [ "$found" = "$1" ] || fail "expected '$1', got '$found'"
}

echo 'target_sources(lib PRIVATE src/base/b.cu)' > "$tree/cmake/more.cmake"
printf 'add_library(lib STATIC\n  src/base/a.cpp)  # All.\nset_source_files_properties(src/base/a.cpp)\n' \
  > "$tree/CMakeLists.txt"
echo 'add_executable(tests base/a_test.cpp)' > "$tree/tests/CMakeLists.txt"
"$check" "$tree" || fail "sound lists were refused"

echo 'target_sources(lib PRIVATE src/base/b.cu src/base/a.cpp)' > "$tree/cmake/more.cmake"
expect 'src/base/a.cpp is named twice in the CMake lists'
echo 'target_sources(lib PRIVATE' > "$tree/cmake/more.cmake"
expect 'src/base/b.cu is in no CMake list'
echo 'target_sources(lib PRIVATE src/base/b.cu)' > "$tree/cmake/more.cmake"
echo 'add_executable(tests base/a_test.cpp base/a_test.cpp)' > "$tree/tests/CMakeLists.txt"
expect 'tests names base/a_test.cpp twice'
echo 'add_executable(tests)' > "$tree/tests/CMakeLists.txt"
expect 'base/a_test.cpp is in no CMake list'
