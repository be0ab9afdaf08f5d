#!/usr/bin/env bash
# prepare.sh: makes .cache/opencl/root, a private root directory with PoCL 6 (OpenCL on the CPU), and prints its path on standard output.
# Debian 12's own PoCL 3.1 lacks the generic address space that ILGPU needs, and the next release's needs a newer C library, so its
# packages are unpacked beside the system and never mixed into it. Packages are fetched once; the root is rebuilt when the list changes.
# Exit 0: ready. Exit 77: can't be done on this machine, with the reason on standard error.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${QUANTBENCH_CACHE:-$here/../../.cache}
mkdir -p "$cache"
home=$(cd "$cache" && pwd)/opencl
root=$home/root
suite=trixie
# PoCL and its loader; what .NET's hashing and llama.cpp's native build load; a shell to start commands with.
packages=(pocl-opencl-icd ocl-icd-libopencl1 libssl3t64 libgomp1 libstdc++6 zlib1g base-files bash coreutils)

say() { printf '%s\n' "$*" >&2; }
skip() { say "opencl: skipped: $1"; exit 77; }

[ "$(uname -s)" = Linux ] || skip "the private root needs Linux."
[ "$(id -u)" -eq 0 ] || skip "unpacking and entering a private root needs the root user."
for tool in apt-get dpkg-deb unshare chroot mount; do command -v "$tool" >/dev/null || skip "'$tool' is missing; the packages come from Debian's archive."; done
unshare --mount true 2>/dev/null || skip "this container may not make a mount namespace (it needs CAP_SYS_ADMIN)."

stamp="$suite ${packages[*]}"
if [ "$(cat "$root/.stamp" 2>/dev/null)" = "$stamp" ]; then echo "$root"; exit 0; fi

# The same mirror as the machine's own sources, whichever it is.
sources=$(cat /etc/apt/sources.list /etc/apt/sources.list.d/*.sources /etc/apt/sources.list.d/*.list 2>/dev/null || true)
mirror=$(sed -n 's/^URIs: *\([^ ]*\/debian\)\/\? *$/\1/p; s/^deb  *\(\[[^]]*\] *\)\?\([^ ]*\/debian\)\/\? .*/\2/p' <<<"$sources" | head -n 1)
[ -n "$mirror" ] || skip "no Debian mirror in /etc/apt/sources.list*; PoCL 6 is taken from one."

mkdir -p "$home/apt/lists/partial" "$home/apt/archives/partial" "$home/apt/parts"
: >"$home/apt/status"
echo "deb [arch=$(dpkg --print-architecture) signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $suite main" >"$home/apt/sources.list"
apt() {
  apt-get -q -o Dir::Etc::sourcelist="$home/apt/sources.list" -o Dir::Etc::sourceparts="$home/apt/parts" -o Dir::State::lists="$home/apt/lists" \
    -o Dir::State::status="$home/apt/status" -o Dir::Cache::archives="$home/apt/archives" -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= \
    -o APT::Install-Recommends=false -o APT::Sandbox::User=root -o Acquire::Retries=3 "$@"
}
say "opencl: fetching PoCL from $suite (about 150 MB, once) ..."
if ! { apt update && apt install --download-only -y "${packages[@]}"; } >"$home/apt.log" 2>&1; then
  tail -n 5 "$home/apt.log" >&2
  skip "the archive could not be read (its answers are in $home/apt.log)."
fi

say "opencl: unpacking ..."
rm -rf "$root.new"
mkdir -p "$root.new/usr/lib" "$root.new/usr/lib64" "$root.new/usr/bin" "$root.new/usr/sbin"
for link in lib lib64 bin sbin; do ln -s "usr/$link" "$root.new/$link"; done
for deb in "$home"/apt/archives/*.deb; do dpkg-deb --fsys-tarfile "$deb" | tar -x --keep-directory-symlink -C "$root.new"; done
mkdir -p "$root.new/proc" "$root.new/sys" "$root.new/dev" "$root.new/tmp" "$root.new/root"
printf 'root:x:0:0:root:/root:/bin/sh\n' >"$root.new/etc/passwd"
printf '%s' "$stamp" >"$root.new/.stamp"
rm -rf "$root"
mv "$root.new" "$root"
rm -rf "$home/apt/archives"
echo "$root"
