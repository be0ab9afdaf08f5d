#!/usr/bin/env bash
# run.sh: really executes the OpenCL path, on PoCL 6 in the private root of prepare.sh: the kernel and model tests of the ilgpu engine, then
# perplexity through the real command on the same chunk, of quantized files against llama.cpp's and of MLX and safetensors directories against
# the managed engine's, then what a user is told when the driver can't compile. With an empty cache of the driver's
# (POCL_CACHE_DIR) it takes about a minute and a half on two cores.
# Exit 77: can't be done on this machine, with the reason.
# Needs built tests (dotnet build -c Release) and a built command (./run-bench.sh setup).
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
app=$root/.cache/app
results=${1:-$root/.cache/test-results}
"$here/prepare.sh" >/dev/null
export QUANTBENCH_ROOT=$root
work=$(mktemp -d /tmp/quantbench-opencl.XXXXXX)
trap 'rm -rf "$work"' EXIT
code=0

cd "$root"
"$here/enter.sh" dotnet test tests/QuantBench.Engines.Ilgpu.Tests/bin/Release/net10.0/QuantBench.Engines.Ilgpu.Tests.dll --filter 'FullyQualifiedName!~PtxTests&FullyQualifiedName!~TensorKernelTests' \
  --results-directory "$results" --logger "trx;LogFileName=Engines.Ilgpu-on-opencl.trx" || code=1

# The quantizer is llama.cpp's, so its native build must be here.
if [ -d src/QuantBench.Engines.LlamaCpp/natives/cpu/node_modules ] && [ -d datasets/node_modules ]; then
  "$here/enter.sh" "$app/quantbench" run "$here/suite.yaml" --results "$work/results" --json >"$work/events" || { code=1; tail -n 3 "$work/events"; }
  "$here/enter.sh" "$app/quantbench" results export latest --results "$work/results" --format csv >"$work/figures.csv"
  awk -f "$here/compare.awk" "$work/figures.csv" || code=1
  "$here/enter.sh" "$app/quantbench" run "$here/directories.yaml" --results "$work/results" --json >"$work/events" || { code=1; tail -n 3 "$work/events"; }
  "$here/enter.sh" "$app/quantbench" results export latest --results "$work/results" --format csv >"$work/figures.csv"
  awk -v against=managed/scalar -f "$here/compare.awk" "$work/figures.csv" || code=1
else
  echo "opencl: llama.cpp's native build or the texts aren't here (./run-bench.sh setup), so quantized files were not compared."
fi

# A driver without its kernel library can compile nothing; the cell must fail with that cause and the run must end.
OPENCL_HIDE=/usr/share/pocl POCL_CACHE_DIR=$work/pocl "$here/enter.sh" "$app/quantbench" run "$here/suite.yaml" --only variant=F32,backend=ilgpu/opencl:0 \
  --results "$work/results" --json >"$work/events" 2>"$work/errors" || true
if grep -q 'a kernel did not compile\|could not be opened' "$work/events"; then echo "opencl: a driver that can't compile is that cell's failure, with its cause"
else echo "opencl: FAILED: a driver that can't compile was not reported as such:"; tail -n 2 "$work/events" "$work/errors"; code=1; fi
exit "$code"
