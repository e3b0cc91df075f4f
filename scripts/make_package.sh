#!/bin/bash
# Makes a Debian package of hsconas for the Debian (12 or 13) on which it is run:
#   scripts/make_package.sh [FOLDER]
# Installs what is missing, builds the program and writes the package to FOLDER (default:
# build/package). Install it with: apt install ./hsconas_*.deb
set -euo pipefail
folder=$(realpath -m -- "${1:-$(dirname "$0")/../build/package}")
cd "$(dirname "$0")/.."

scripts/install_deps.sh package
cmake --preset release -DHSCONAS_TESTS=OFF
cmake --build --preset release --target hsconas --parallel "$(nproc)"
mkdir -p "$folder"
cd build/release
cpack -G DEB -B "$folder"
rm -rf "$folder/_CPack_Packages"
