#!/usr/bin/env bash
# assemble.sh [DIR]: assembles every kernel for CUDA with NVIDIA's own assembler, without a GPU, and prints a table: registers, spilled bytes and
# shared memory of each, and what its machine code does: loads by width, integer dots, tensor-core instructions. DIR keeps the code (default:
# a temporary directory). Exit 1: a kernel doesn't assemble, spills registers, or loads single bytes. Exit 77: there is no ptxas here.
# ptxas and cuobjdump are NVIDIA's, found on PATH or where PTXAS and CUOBJDUMP say; they come with the CUDA toolkit of 11.8 or newer (Debian:
# package nvidia-cuda-toolkit of non-free; unpacking it with dpkg-deb -x is enough). ARCHS names the machines (default: sm_80 sm_90).
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
ptxas=${PTXAS:-$(command -v ptxas || true)}
[ -n "$ptxas" ] || { echo "assemble: skipped: there is no ptxas on PATH, and PTXAS doesn't name one; it is part of NVIDIA's CUDA toolkit (11.8 or newer)." >&2; exit 77; }
cuobjdump=${CUOBJDUMP:-$(dirname "$ptxas")/cuobjdump}
[ -x "$cuobjdump" ] || cuobjdump=$(command -v cuobjdump || true)
PATH=$(dirname "$ptxas"):$PATH # cuobjdump starts nvdisasm
read -ra archs <<<"${ARCHS:-sm_80 sm_90}"
check=$root/tests/devices/bin/Release/net10.0/devicecheck
[ -x "$check" ] || dotnet build "$root/tests/devices" -c Release -v quiet >&2
work=${1-}
if [ -z "$work" ]; then work=$(mktemp -d /tmp/quantbench-ptx.XXXXXX); trap 'rm -rf "$work"' EXIT; fi
"$check" ptx "$work" >&2

code=0
printf '%-6s %-30s %5s %6s %7s %5s %5s %5s %5s %6s %6s\n' arch kernel regs spills shared ld128 ld64 ld32 ld8 dots mma
for arch in "${archs[@]}"; do
  for ptx in "$work"/*.ptx; do
    name=$(basename "$ptx" .ptx)
    cubin=$work/$name.$arch.cubin
    if ! "$ptxas" -arch="$arch" -v -o "$cubin" "$ptx" >"$work/$name.$arch.log" 2>&1; then
      echo "$arch $name: FAILED: $(grep -m 1 -i error "$work/$name.$arch.log" || tail -n 1 "$work/$name.$arch.log")"
      code=1
      continue
    fi
    sass=/dev/null
    if [ -n "$cuobjdump" ]; then sass=$work/$name.$arch.sass; "$cuobjdump" -sass "$cubin" >"$sass"; fi
    awk -v arch="$arch" -v name="$name" -v sass="$sass" '
      FILENAME != sass {
        if (match($0, /Used [0-9]+ registers/)) { split(substr($0, RSTART, RLENGTH), f, " "); regs = f[2] }
        if (match($0, /[0-9]+ bytes spill stores/)) { split(substr($0, RSTART, RLENGTH), f, " "); spills += f[1] }
        if (match($0, /[0-9]+ bytes spill loads/)) { split(substr($0, RSTART, RLENGTH), f, " "); spills += f[1] }
        if (match($0, /[0-9]+ bytes smem/)) { split(substr($0, RSTART, RLENGTH), f, " "); shared = f[1] }
        next
      }
      / LDG?\.E[^ ]*\.128|LDG?\.[^ ]*\.128/ { wide++; next }
      / LDG?\.[^ ]*\.64/ { middle++; next }
      / LDG?\.[^ ]*\.(U8|S8)/ { bytes++; next }
      / LDG?\./ { words++; next }
      /IDP\.4A/ { dots++ }
      /[HI]MMA\./ { mma++ }
      END {
        printf "%-6s %-30s %5d %6d %7d %5d %5d %5d %5d %6d %6d\n", arch, name, regs, spills, shared, wide, middle, words, bytes, dots, mma
        exit spills > 0 || bytes > 0
      }' "$work/$name.$arch.log" "$sass" || { echo "$arch $name: FAILED: spills registers or loads single bytes"; code=1; }
  done
done
exit "$code"
