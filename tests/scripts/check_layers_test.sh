#!/bin/sh
# check_layers.sh accepts a tree whose files include only lower layers, and names a file that does not.
set -eu
check=$(cd "$(dirname "$0")/../../scripts" && pwd)/check_layers.sh
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
mkdir -p "$tree/include/hsconas/base" "$tree/include/hsconas/search" "$tree/src/search"

fail() {
  echo "check_layers_test: $1" >&2
  exit 1
}

echo '#pragma once' > "$tree/include/hsconas/base/error.hpp"
echo '#include "hsconas/base/error.hpp"' > "$tree/src/search/evolution.cpp"
"$check" "$tree" || fail "a downward include was refused"

echo '#include "hsconas/search/evolution.hpp"' >> "$tree/include/hsconas/base/error.hpp"
found=$("$check" "$tree") && fail "an upward include was let through"
expected='include/hsconas/base/error.hpp: base may not include search, which is a higher layer'
[ "$found" = "$expected" ] || fail "expected '$expected', got '$found'"

echo '#pragma once' > "$tree/include/hsconas/base/error.hpp"
mkdir "$tree/src/stray"
echo '#include "hsconas/base/error.hpp"' > "$tree/src/stray/stray.cpp"
"$check" "$tree" 2> /dev/null && fail "a folder outside the order was let through"
exit 0
