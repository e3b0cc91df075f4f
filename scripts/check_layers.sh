#!/bin/sh
# Fails when a file includes a layer above its own. Order: low to high.
set -eu
order="base config space latency score accel data supernet train profile shrink search codesign deploy report pipeline app"
rank() { n=0; for l in $order; do n=$((n+1)); [ "$l" = "$1" ] && { echo $n; return; }; done; echo 0; }
bad=0
for f in $(find include/hsconas src -name '*.[ch]pp'); do
  own=$(echo "$f" | sed -E 's#^(include/hsconas|src)/([^/]+)/.*#\2#')
  for used in $(sed -nE 's#^\#include "hsconas/([^/]+)/.*#\1#p' "$f" | sort -u); do
    if [ "$(rank "$used")" -gt "$(rank "$own")" ]; then echo "$f: $own may not include $used"; bad=1; fi
  done
done
exit $bad
