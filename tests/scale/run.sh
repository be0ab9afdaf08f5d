#!/usr/bin/env bash
# Measures compare, Pareto and trend on 100,000 cells with 3 million samples, through the real command.
# Usage: tests/scale/run.sh [DIR]
#   DIR  where the made runs lie (default: a new directory under /tmp); made on the first call, about 1 GB, reused afterwards
# Two shapes are made: 50 runs of 2,000 cells, as a lab has them, and 2 runs of 50,000 cells, the largest comparison there can be.
# Prints per command: wall-clock seconds with the program's start (median of 5), and peak resident memory. Targets: 1 s, 500 MB.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
dir=${1:-$(mktemp -d /tmp/quantbench-scale.XXXX)}
"$root/run-bench.sh" setup
export QUANTBENCH_ROOT=$root
dotnet build "$root/tests/scale/QuantBench.Scale.csproj" -c Release -v quiet
exec dotnet "$root/tests/scale/bin/Release/net10.0/QuantBench.Scale.dll" "${QUANTBENCH_CACHE:-$root/.cache}/app/quantbench" "$dir"
