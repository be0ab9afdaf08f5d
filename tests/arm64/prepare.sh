#!/usr/bin/env bash
# prepare.sh: makes .cache/arm64 ready: an emulator of 64-bit ARM processors for single programs (QEMU's user mode), the ARM libraries that .NET
# loads, and this project's programs built for linux-arm64. Nothing is installed on the system: packages are unpacked beside it.
# Exit 0: ready. Exit 77: can't be done on this machine, with the reason on standard error.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
cache=${QUANTBENCH_CACHE:-$root/.cache}
mkdir -p "$cache/arm64"
home=$(cd "$cache" && pwd)/arm64

say() { printf '%s\n' "$*" >&2; }
skip() { say "arm64: skipped: $1"; exit 77; }

[ "$(uname -s)" = Linux ] || skip "emulating single programs needs Linux."
for tool in apt-get dpkg-deb; do command -v "$tool" >/dev/null || skip "'$tool' is missing; the packages come from Debian's archive."; done

# The same mirror and release as the machine's own sources.
suite=$(. /etc/os-release && echo "${VERSION_CODENAME-}")
sources=$(cat /etc/apt/sources.list /etc/apt/sources.list.d/*.sources /etc/apt/sources.list.d/*.list 2>/dev/null || true)
mirror=$(sed -n 's/^URIs: *\([^ ]*\/debian\)\/\? *$/\1/p; s/^deb  *\(\[[^]]*\] *\)\?\([^ ]*\/debian\)\/\? .*/\2/p' <<<"$sources" | head -n 1)
[ -n "$mirror" ] || skip "no Debian mirror in /etc/apt/sources.list*; the emulator is taken from one."

# unpack ARCHITECTURE WHERE PACKAGE...: packages and what they need, once.
unpack() {
  local arch=$1 where=$home/$2 apt=$home/apt-$1
  shift 2
  [ "$(cat "$where/.stamp" 2>/dev/null)" = "$suite $*" ] && return 0
  rm -rf "$where"; mkdir -p "$where" "$apt/lists/partial" "$apt/archives/partial" "$apt/parts"
  : >"$apt/status"
  echo "deb [arch=$arch signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $suite main" >"$apt/sources.list"
  local run=(apt-get -q -o "APT::Architecture=$arch" -o "APT::Architectures=$arch" -o "Dir::Etc::sourcelist=$apt/sources.list" -o "Dir::Etc::sourceparts=$apt/parts"
    -o "Dir::State::lists=$apt/lists" -o "Dir::State::status=$apt/status" -o "Dir::Cache::archives=$apt/archives" -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache=
    -o APT::Install-Recommends=false -o APT::Sandbox::User=root -o Acquire::Retries=3 -o Debug::NoLocking=true)
  if ! { "${run[@]}" update && "${run[@]}" install --download-only -y "$@"; } >"$home/apt.log" 2>&1; then
    tail -n 5 "$home/apt.log" >&2
    skip "the archive could not be read (its answers are in $home/apt.log)."
  fi
  local deb
  for deb in "$apt"/archives/*.deb; do dpkg-deb -x "$deb" "$where"; done
  rm -rf "$apt"
  printf '%s' "$suite $*" >"$where/.stamp"
}

say "arm64: emulator and libraries ..."
unpack "$(dpkg --print-architecture)" qemu qemu-user-static
unpack arm64 root libc6 libstdc++6 libgcc-s1 zlib1g libssl3

publish() {
  say "arm64: building $2 ..."
  dotnet publish "$root/$1" -c Release -r linux-arm64 --self-contained true --artifacts-path "$home/build-$2" -o "$home/$2" -v quiet >"$home/build.log" 2>&1 \
    || { grep -E 'error' "$home/build.log" | sort -u | head -n 10 >&2 || tail -n 20 "$home/build.log" >&2; say "error: the build for linux-arm64 failed (all of its output is in $home/build.log)."; exit 1; }
}

publish tests/arm64/testrun testrun
publish src/QuantBench.Cli app
