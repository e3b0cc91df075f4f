#!/bin/bash
# Installs the Debian packages that are missing for a purpose:
#   scripts/install_deps.sh [build|package|test|ci|core]
#     build  build hsconas (the default)
#     package  build, and make a Debian package of it
#     test   build hsconas and run its tests
#     ci     test, plus packages that optional tests need: a browser, Python with torch, pagmo, ONNX
#            Runtime (in build/onnxruntime); those that cannot be installed are named and left out
#     core   build and test the core alone (preset core), which needs no LibTorch
# Works on Debian 12 and 13, as root or with sudo. On other systems it does nothing, and CMake names
# what it cannot find. If CMAKE_PREFIX_PATH or Torch_DIR names a LibTorch, none is installed.
set -euo pipefail
purpose=${1:-build}
case $purpose in
  build | package | test | ci | core) ;;
  *)
    echo "usage: scripts/install_deps.sh [build|package|test|ci|core]" >&2
    exit 2
    ;;
esac
cd "$(dirname "$0")/.."

command -v apt-get > /dev/null || exit 0

missing=()
need_command() { command -v "$1" > /dev/null || missing+=("$2"); }
is_installed() { [[ $(dpkg-query -W -f '${Status}' "$1" 2> /dev/null) = *" installed" ]]; }
need_package() { is_installed "$1" || missing+=("$1"); }
has_own_torch() {
  local folder folders
  [ -n "${Torch_DIR:-}" ] && return
  IFS=':;' read -ra folders <<< "${CMAKE_PREFIX_PATH:-}"
  for folder in "${folders[@]}"; do
    [ -e "$folder/Torch/TorchConfig.cmake" ] && return
    [ -e "$folder/share/cmake/Torch/TorchConfig.cmake" ] && return
  done
  return 1
}

need_command c++ g++
need_command cmake cmake
need_command ninja ninja-build
for package in nlohmann-json3-dev libfmt-dev libspdlog-dev libeigen3-dev libcli11-dev \
  libturbojpeg0-dev libpng-dev zlib1g-dev; do
  need_package "$package"
done
if [ "$purpose" = package ]; then
  need_command dpkg-shlibdeps dpkg-dev
  need_command file file
elif [ "$purpose" != build ]; then
  need_package catch2
  need_command xz xz-utils
fi
if [ "$purpose" != core ] && ! has_own_torch; then
  need_package libtorch-dev
  need_package libgloo-dev
fi
if [ "$purpose" = test ] || [ "$purpose" = ci ]; then
  need_package libonnx-dev
  need_package libprotobuf-dev
  need_command shellcheck shellcheck
  need_command jq jq
  # The style checks are pinned to the LLVM of Debian 12: another version formats differently.
  if grep -qs '^VERSION_CODENAME=bookworm' /etc/os-release; then
    need_command clang-format-14 clang-format-14
    need_command clang-tidy-14 clang-tidy-14
    need_command clang++-14 clang-14
    need_package libclang-rt-14-dev
  fi
fi
as_root=()
if [ "$(id -u)" -ne 0 ]; then
  as_root=(sudo)
  if [ ${#missing[@]} -gt 0 ] &&
    { ! command -v sudo > /dev/null || { [ ! -t 0 ] && ! sudo -n true 2> /dev/null; }; }; then
    echo "install_deps: missing packages; as root, run:" \
      "apt-get install --no-install-recommends ${missing[*]}" >&2
    exit 3
  fi
fi
install_missing() {
  [ ${#missing[@]} -gt 0 ] || return 0
  echo "Installing ${missing[*]}" >&2
  "${as_root[@]}" apt-get -qq update
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get -qq -o Dpkg::Use-Pty=0 install -y --no-install-recommends "${missing[@]}" > /dev/null
}
install_missing
[ "$purpose" = ci ] || exit 0

# Optional packages are installed one by one, so that a package that this system lacks does not
# prevent the others.
try_command() {
  command -v "$1" > /dev/null || try_install "$2"
}
try_install() {
  missing=("$1")
  install_missing || echo "install_deps: no $1; tests that need it are skipped" >&2
}
command -v chromium > /dev/null || command -v google-chrome > /dev/null || try_install chromium
is_installed python3-numpy || try_install python3-numpy
is_installed python3-torch || try_install python3-torch
is_installed libpagmo-dev || try_install libpagmo-dev
try_command node nodejs
try_command npm npm

# This version loads in every Node with Node-API 6. Without --ignore-scripts, its install script would
# download CUDA libraries.
onnx_runtime=build/onnxruntime
loads() { (cd "$onnx_runtime" && node -e "require('onnxruntime-node')") 2> /dev/null; }
if ! loads; then
  echo "Installing onnxruntime-node in $onnx_runtime" >&2
  rm -rf "$onnx_runtime"
  mkdir -p "$onnx_runtime"
  if ! timeout 300 npm install --prefix "$onnx_runtime" --ignore-scripts --no-save --no-audit \
    --no-fund --silent onnxruntime-node@1.22.0 > /dev/null 2>&1 || ! loads; then
    rm -rf "$onnx_runtime"
    echo "install_deps: no onnxruntime-node; tests that need it are skipped" >&2
  fi
fi
