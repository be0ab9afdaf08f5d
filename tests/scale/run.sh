#!/usr/bin/env bash
# Measures QuantBench on much data, through the real command.
# Usage: tests/scale/run.sh [commands|dashboard|sqlite|postgres] [DIR]
#   commands   compare, Pareto and trend on 100,000 cells with 3 million samples, in two shapes: 50 runs of 2,000 cells, as a lab has them, and
#              2 runs of 50,000 cells, the largest comparison there can be. Prints wall-clock seconds with the program's start (median of 5) and
#              peak resident memory. Targets: 1 s, 500 MB.
#   dashboard  1,000 runs with 200,000 cells and 2 million samples in SQLite, then in PostgreSQL: every page in headless Chromium (the first load,
#              then 20 more), resident memory with 50 connected readers, upload of a run of 1,000 cells. Targets: p95 of 300 ms, 400 MB, 5 s. Needs
#              Chromium and PostgreSQL's binaries (a throw-away server is started), or an empty database that QUANTBENCH_STORE names.
#   sqlite, postgres  one half of 'dashboard'
#   DIR        where the made runs lie (default: a new directory under /tmp); made on the first call, about 1 GB each, reused afterwards
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
what=commands
case ${1:-} in commands | dashboard | sqlite | postgres) what=$1; shift ;; esac
dir=${1:-$(mktemp -d /tmp/quantbench-scale.XXXX)}
"$root/run-bench.sh" setup
export QUANTBENCH_ROOT=$root
dotnet build "$root/tests/scale/QuantBench.Scale.csproj" -c Release -v quiet
exec dotnet "$root/tests/scale/bin/Release/net10.0/QuantBench.Scale.dll" "$root/.cache/app/quantbench" "$dir" "$what"
