#!/usr/bin/env bash
# enter.sh COMMAND ...: runs a command inside the root that prepare.sh made, where OpenCL device 0 is the CPU. The checkout, the .NET
# installation and the working directory are at their usual paths. Mounts live in a namespace of their own and vanish with the command.
# OPENCL_HIDE names a directory of the root that is covered by an empty one, to break the driver.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
checkout=$(cd "$here/../.." && pwd)
root=$("$here/prepare.sh")
dotnet=$(dirname "$(readlink -f "$(command -v dotnet)")")
export OPENCL_ROOT=$root OPENCL_CHECKOUT=$checkout OPENCL_DOTNET=$dotnet OPENCL_FROM=$PWD
exec unshare --mount -- bash -c '
  set -euo pipefail
  bind() { mkdir -p "$OPENCL_ROOT$1"; mount --rbind "$1" "$OPENCL_ROOT$1"; }
  mount --make-rprivate /
  bind /proc; bind /sys; bind /dev; bind /tmp; bind "$OPENCL_DOTNET"
  case $OPENCL_CHECKOUT in /tmp/*) ;; *) bind "$OPENCL_CHECKOUT" ;; esac
  if [ -n "${OPENCL_HIDE:-}" ]; then mount -t tmpfs none "$OPENCL_ROOT$OPENCL_HIDE"; fi
  chroot=$(command -v chroot)
  export PATH="$OPENCL_DOTNET:/usr/bin:/bin" DOTNET_ROOT="$OPENCL_DOTNET" DOTNET_SYSTEM_GLOBALIZATION_INVARIANT=1 HOME=/root QB_REQUIRE_OPENCL=1
  export POCL_CACHE_DIR="${POCL_CACHE_DIR:-/tmp/quantbench-pocl}" DOTNET_gcServer=0 DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1
  exec "$chroot" "$OPENCL_ROOT" /bin/bash -c "cd \"\$OPENCL_FROM\" && exec \"\$@\"" sh "$@"
' bash "$@"
