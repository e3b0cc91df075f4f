#!/bin/bash
# Installs what is missing: scripts/install_deps.sh [build|test|core], to build hsconas, to build and
# test it, or to build and test the core alone (preset core), which needs no LibTorch.
# Debian 12 and 13, as root or with sudo; does nothing when nothing is missing. Elsewhere CMake
# says what it cannot find. A LibTorch of your own, in CMAKE_PREFIX_PATH or Torch_DIR, is kept.
set -euo pipefail
purpose=${1:-build}
case $purpose in
  build | test | core) ;;
  *)
    echo "usage: scripts/install_deps.sh [build|test|core]" >&2
    exit 2
    ;;
esac

command -v apt-get > /dev/null || exit 0

missing=()
need_command() { command -v "$1" > /dev/null || missing+=("$2"); }
need_package() {
  [[ $(dpkg-query -W -f '${Status}' "$1" 2> /dev/null) = *" installed" ]] || missing+=("$1")
}
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
for package in nlohmann-json3-dev libfmt-dev libspdlog-dev libeigen3-dev libturbojpeg0-dev \
  libpng-dev zlib1g-dev; do
  need_package "$package"
done
if [ "$purpose" != build ]; then
  need_package catch2
  need_command xz xz-utils
fi
if [ "$purpose" != core ]; then
  need_package libcli11-dev
  if ! has_own_torch; then
    need_package libtorch-dev
    need_package libgloo-dev
  fi
fi
if [ "$purpose" = test ]; then
  need_package libonnx-dev
  need_package libprotobuf-dev
  need_command shellcheck shellcheck
  # The style checks are pinned to the LLVM of Debian 12: another version formats differently.
  if grep -qs '^VERSION_CODENAME=bookworm' /etc/os-release; then
    need_command clang-format-14 clang-format-14
    need_command clang-tidy-14 clang-tidy-14
    need_command clang++-14 clang-14
    need_package libclang-rt-14-dev
  fi
fi
[ ${#missing[@]} -gt 0 ] || exit 0

as_root=()
if [ "$(id -u)" -ne 0 ]; then
  as_root=(sudo)
  if ! command -v sudo > /dev/null || { [ ! -t 0 ] && ! sudo -n true 2> /dev/null; }; then
    echo "install_deps: missing packages; as root, run:" \
      "apt-get install --no-install-recommends ${missing[*]}" >&2
    exit 3
  fi
fi
echo "Installing ${missing[*]}" >&2
"${as_root[@]}" apt-get -qq update
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
  apt-get -qq -o Dpkg::Use-Pty=0 install -y --no-install-recommends "${missing[@]}" > /dev/null
