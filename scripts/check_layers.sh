#!/bin/sh
# Fails when a file includes a header of a layer above its own. Checks this checkout, or the folder
# given as argument.
set -eu
cd "${1:-$(dirname "$0")/..}"

# The layers, lowest first.
order="base kernels space int8 embed config paths latency score accel reference data loader cluster supernet train \
profile search shrink codesign onnx edge report stages dance deploy pipeline app module"

rank() {
  n=0
  for layer in $order; do
    n=$((n + 1))
    if [ "$layer" = "$1" ]; then
      echo "$n"
      return
    fi
  done
  echo "'$1' is not a layer: add it to the order in scripts/check_layers.sh" >&2
  return 1
}

includes() {
  sed -nE 's@^[[:space:]]*#[[:space:]]*include "hsconas/([^/"]+)/.*@\1@p' "$1" | sort -u
}

bad=0
for file in $(find include/hsconas src -name '*.[ch]pp' | sort); do
  own=$(echo "$file" | sed -E 's#^(include/hsconas|src)/([^/]+)/.*#\2#')
  own_rank=$(rank "$own")
  for used in $(includes "$file"); do
    used_rank=$(rank "$used")
    if [ "$used_rank" -gt "$own_rank" ]; then
      echo "$file: $own may not include $used, which is a higher layer"
      bad=1
    fi
  done
done
exit $bad
