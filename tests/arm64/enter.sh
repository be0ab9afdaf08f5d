#!/usr/bin/env bash
# enter.sh COMMAND ...: runs a command for which this processor counts as a 64-bit ARM one too, child processes included. The kernel is told in a
# name space of the command's own, so that nothing changes for the rest of the machine. Exit 77: the kernel doesn't allow that.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
home=$(cd "${QUANTBENCH_CACHE:-$here/../../.cache}/arm64" && pwd)
export QEMU_LD_PREFIX=$home/root
# The emulator keeps translated code by address. .NET's write-or-execute protection writes code through a second address, unseen by the
# emulator, which then runs what was there before: single calls end in false null references.
export DOTNET_EnableWriteXorExecute=0 DOTNET_SYSTEM_GLOBALIZATION_INVARIANT=1
if [ "${1-}" != --inside ]; then
  unshare --user --map-root-user --mount true 2>/dev/null || { echo "arm64: skipped: this kernel gives no name space of one's own to register the emulator in (Linux 6.7 or newer does)." >&2; exit 77; }
  exec unshare --user --map-root-user --mount "$0" --inside "$@"
fi

shift
formats=/proc/sys/fs/binfmt_misc
# The start of an ELF file for ARM's 64-bit instruction set: bytes, then which of their bits count.
magic='\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00'
mask='\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff'
{ mount -t binfmt_misc binfmt_misc "$formats" && printf '%s' ":qemu-aarch64:M::$magic:$mask:$home/qemu/usr/bin/qemu-aarch64-static:F" >"$formats/register"; } 2>/dev/null \
  || { echo "arm64: skipped: this kernel takes no emulator from a name space (Linux 6.7 or newer does)." >&2; exit 77; }
exec "$@"
