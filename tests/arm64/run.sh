#!/usr/bin/env bash
# run.sh: really executes the managed engine's 128-bit kernels on an emulated 64-bit ARM processor: the kernel and session tests with byte dot
# products and, on an older processor, without, then perplexity through the real command, beside the scalar reference. Figures are right there;
# times aren't. Takes about five minutes with two cores, so CI leaves it out (there the same kernels run on portable vectors).
# Exit 77: can't be done on this machine, with the reason.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
"$here/prepare.sh"
home=$(cd "${QUANTBENCH_CACHE:-$root/.cache}/arm64" && pwd)
export QUANTBENCH_ROOT=$root
work=$(mktemp -d /tmp/quantbench-arm64.XXXXXX)
trap 'rm -rf "$work"' EXIT
code=0

tests() { # CPU NAME...: prints failures and the count
  local cpu=$1
  shift
  echo "arm64: tests on a processor like '$cpu' ..."
  (cd "$home/testrun" && QEMU_CPU=$cpu "$here/enter.sh" ./testrun QuantBench.Engines.Managed.Tests "$@") >"$work/tests" || code=$?
  grep -v '^passed ' "$work/tests" | sed 's/^/arm64: /' || true
  [ "$code" -ne 77 ] || exit 77
}

tests max Kernels. ManagedEngineTests ManagedSessionTests
tests cortex-a72 Kernels.

if [ -d "$root/datasets/node_modules" ]; then
  echo "arm64: perplexity ..."
  "$here/enter.sh" "$home/app/quantbench" run "$here/suite.yaml" --results "$work/results" --cache "$home/models" --json >"$work/events" || { code=1; tail -n 3 "$work/events"; }
  "$here/enter.sh" "$home/app/quantbench" results export latest --results "$work/results" --format csv >"$work/figures.csv"
  awk -v label=arm64 -v backend=managed/neon -v against=managed/scalar -f "$here/../opencl/compare.awk" "$work/figures.csv" || code=1
else
  echo "arm64: the texts aren't here (./run-bench.sh setup), so perplexity was not compared."
fi
exit "$code"
