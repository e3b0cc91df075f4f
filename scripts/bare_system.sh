#!/bin/bash
# Builds and tests hsconas as a newcomer would, in a bare Debian system made for that:
#   scripts/bare_system.sh RELEASE [--core|--sanitizers|--all|--package] [--folder FOLDER] [--mirror URL]
#     [--keep]
# RELEASE is bookworm or trixie. --core (the default) builds and tests only the core, without LibTorch,
# in a few minutes; --sanitizers does so under the address and undefined-behaviour sanitizers. --all follows the README, with quickstart.sh, and runs every test, in about half an
# hour. --package makes a Debian package, installs it in a second bare system and runs the quickstart
# search there, without the source. Prints the time of each step at the end. With CI=true, warnings are
# errors.
#
# The system is created in FOLDER/RELEASE (default: build/bare/RELEASE) and deleted when all steps have
# passed, unless --keep is given. Downloaded packages are kept beside it for the next run. The default
# mirror is the one that this machine's apt uses, with its proxy. Needs root. Exit code 3 means that
# the system could not be created.
set -euo pipefail

usage() {
  echo "usage: scripts/bare_system.sh bookworm|trixie [--core|--sanitizers|--all|--package] [--folder FOLDER] [--mirror URL] [--keep]" >&2
  exit 2
}
cannot() {
  echo "bare_system: $*" >&2
  exit 3
}

inside=false
if [ "${1:-}" = --inside ]; then
  inside=true
  shift
fi
arguments=("$@")
release=${1:-}
[[ $release = bookworm || $release = trixie ]] || usage
shift
what=core
folder=
mirror=
keep=false
while [ $# -gt 0 ]; do
  case $1 in
    --core | --sanitizers | --all | --package) what=${1#--} ;;
    --folder | --mirror)
      [ $# -gt 1 ] || usage
      declare "${1#--}=$2"
      shift
      ;;
    --keep) keep=true ;;
    *) usage ;;
  esac
  shift
done

# Everything is mounted in namespaces of this script's own child: when that dies, however it dies,
# the mounts and all processes of the bare system are gone, and the folder holds plain files again.
if ! $inside; then
  [ "$(id -u)" -eq 0 ] || cannot "making a bare system needs root: run this as root or with sudo"
  unshare --mount --pid --fork true 2> /dev/null ||
    cannot "root may not mount here (a container without SYS_ADMIN?): run this on the machine itself"
  # With job control the child does not inherit an ignored SIGINT, a signal that some tests send.
  set -m
  setpriv --pdeathsig KILL unshare --mount --pid --fork --kill-child --mount-proc \
    "$0" --inside "${arguments[@]}" < /dev/null &
  child=$!
  trap 'kill -KILL "$child" 2> /dev/null; wait "$child" || true; exit 130' INT TERM HUP
  wait "$child" && exit
  exit $?
fi

[ -z "$folder" ] || folder=$(realpath -m -- "$folder")
cd "$(dirname "$0")/.."
folder=${folder:-$PWD/build/bare}
system=$folder/$release
packages=$folder/packages-$release
marker=.hsconas_bare_systems  # A folder with this file was created here, so it may be deleted.

mounts=()
attach() {  # OPTION... WHAT WHERE
  mount "$@" && mounts=("${!#}" ${mounts[@]+"${mounts[@]}"})
}

times=()
print_times() { printf '%s\n' "" "Bare $release, $what:" ${times[@]+"${times[@]}"}; }

step() {  # TITLE COMMAND...
  local start=$SECONDS result=passed
  printf '\n== %s\n' "$1"
  "${@:2}" || result=FAILED
  times+=("$(printf '%6d s  %s  %s' $((SECONDS - start)) "$result" "$1")")
  [ "$result" = passed ] && return
  print_times
  echo "The bare system is left in $system" >&2
  exit 1
}

# The Debian archive that this machine's apt uses.
find_mirror() {
  # shellcheck disable=SC2016 # apt-get fills these in.
  apt-get indextargets --format '$(RELEASE) $(REPO_URI)' 'Created-By: Packages' 'Component: main' |
    grep -E '^(bullseye|bookworm|trixie|forky|sid|oldstable|stable|testing|unstable) https?:' |
    sed 's/^[^ ]* //; q'
}

install_debootstrap() {
  local missing=()
  command -v debootstrap > /dev/null || missing+=(debootstrap)
  [ -e /usr/share/keyrings/debian-archive-keyring.gpg ] || missing+=(debian-archive-keyring)
  [ ${#missing[@]} -gt 0 ] || return 0
  apt-get -qq update
  DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0 install -y --no-install-recommends \
    "${missing[@]}" > /dev/null || cannot "cannot install ${missing[*]}"
}

prepare_folder() {
  mkdir -p "$folder"
  if [ ! -e "$folder/$marker" ] && [ -n "$(ls -A "$folder")" ]; then
    cannot "$folder holds other files: name a new or empty folder with --folder"
  fi
  touch "$folder/$marker"
  exec 9> "$folder/lock"
  flock -n 9 || cannot "another bare_system.sh works in $folder: wait for it or name another --folder"
  rm -rf --one-file-system -- "$system"
  mkdir -p "$packages"
}

make_system() {
  local http_proxy=${http_proxy:-} include=()
  [ -n "$http_proxy" ] || eval "$(apt-config shell http_proxy Acquire::http::Proxy)"
  [[ $mirror != https:* ]] || include=(--include=ca-certificates)
  http_proxy=$http_proxy debootstrap --variant=minbase --cache-dir="$packages" \
    ${include[@]+"${include[@]}"} "$release" "$system" "$mirror" > "$folder/debootstrap.log" 2>&1 || {
    tail -n 5 "$folder/debootstrap.log" >&2
    return 1
  }
  apt-config dump | grep -E '^Acquire::(https?::(Proxy|Verify)|Check-Valid-Until|Retries)' \
    > "$system/etc/apt/apt.conf.d/90machine" || true
  attach -t proc proc "$system/proc" &&
    attach --bind -o ro /sys "$system/sys" &&
    attach --bind /dev/pts "$system/dev/pts" &&
    attach -t tmpfs tmpfs "$system/dev/shm" &&
    attach --bind "$packages" "$system/var/cache/apt/archives"
}

# Copies this checkout into the system and, if they exist, mounts the tests' reference data beside it.
copy_checkout() {
  local pair data
  mkdir -p "$system/root/hsconas" || return
  tar --exclude=./build --exclude=./runs --exclude=./.git --exclude-tag-all="$marker" -c . |
    tar --no-same-owner -x -C "$system/root/hsconas" || return
  for pair in "data:${HSCONAS_DATA:-../shared/data}" "cases:${HSCONAS_CASES:-../shared/cases}"; do
    [ -d "${pair#*:}" ] || continue
    data=$system/root/shared/${pair%%:*}
    mkdir -p "$data"
    attach --bind -o ro "$(realpath "${pair#*:}")" "$data" || return
  done
}

bare() {  # COMMAND LINE
  env -i HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    ${http_proxy:+http_proxy="$http_proxy"} ${https_proxy:+https_proxy="$https_proxy"} \
    chroot "$system" /bin/bash -c "cd /root/hsconas && $1"
}

command -v apt-get > /dev/null || cannot "this machine has no apt-get: run this on Debian or Ubuntu"
mirror=${mirror:-$(find_mirror || true)}
[ -n "$mirror" ] || cannot "this machine's apt uses no Debian mirror over http: name one with --mirror URL"
case $what in
  all) preset=release ;;
  sanitizers) preset=dev ;;
  *) preset=core ;;
esac
werror=OFF
[ "${CI:-}" != true ] || werror=ON
install_debootstrap
prepare_folder

# The package, installed and used as by somebody who has only the file.
use_package() {
  bare "apt-get -qq update && cd /root && apt-get -qq install -y --no-install-recommends ./package/*.deb" &&
    bare "hsconas search --config quickstart --work-dir /root/run" && bare "test -s /root/run/report.html"
}

step "bare system" make_system
step "copy of the checkout" copy_checkout
if [ "$what" = package ]; then
  step "scripts/make_package.sh" bare "scripts/make_package.sh /root/package"
  built=$system/root/package
  system=$folder/$release-installed
  rm -rf --one-file-system -- "$system"
  step "second bare system" make_system
  mkdir -p "$system/root/hsconas"
  cp -r "$built" "$system/root/package"
  step "installation and quickstart" use_package
  print_times
  $keep && exit
  umount "${mounts[@]}"
  rm -rf --one-file-system -- "$system" "${folder:?}/$release"
  exit
fi
if [ "$what" = all ]; then
  step "scripts/quickstart.sh" bare "scripts/quickstart.sh"
  step "packages of the tests" bare "scripts/install_deps.sh test"
else
  step "packages" bare "scripts/install_deps.sh core"
fi
step "configure" bare "cmake --preset $preset -DHSCONAS_TESTS=ON -DHSCONAS_WERROR=$werror"
step "build" bare "cmake --build --preset $preset --parallel $(nproc) -- --quiet"
step "tests" bare "ctest --preset $preset --parallel $(nproc)"
print_times
$keep && exit
umount "${mounts[@]}"
rm -rf --one-file-system -- "$system"
