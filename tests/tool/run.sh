#!/usr/bin/env bash
# run.sh: the command as an installed .NET tool. Packs it, installs it from the package into a directory of its own, and lets it work in a place
# where no checkout is: suites and reference model come along, natives too, results and cache lie in the user's data. Takes about a minute.
# Needs a built solution (dotnet build -c Release).
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
work=$(mktemp -d /tmp/quantbench-tool.XXXXXX)
trap 'rm -rf "$work"' EXIT
code=0
say() { echo "tool: $*"; }
expect() { # expect FILE TEXT WHAT
  if grep -qF -- "$2" "$1"; then say "$3"; else say "FAILED: $3; '$2' isn't in:"; tail -n 20 "$1"; code=1; fi
}

dotnet pack "$root/src/QuantBench.Cli" -c Release --no-build -o "$work/package" -v quiet >"$work/pack" 2>&1 || { tail -n 10 "$work/pack"; say "FAILED: dotnet pack"; exit 1; }
say "the package has $(($(stat -c %s "$work"/package/*.nupkg) / 1048576)) MiB"
cd "$work"
# A cache of packages of its own: one of the same version from an earlier pack would be taken instead.
NUGET_PACKAGES=$work/packages dotnet tool install QuantBench --tool-path "$work/bin" --source "$work/package" >"$work/install" 2>&1 || { cat "$work/install"; say "FAILED: dotnet tool install"; exit 1; }
unset QUANTBENCH_ROOT QUANTBENCH_CACHE QUANTBENCH_RESULTS QUANTBENCH_COMMAND
export PATH=$work/bin:$PATH XDG_DATA_HOME=$work/data
quantbench --help >"$work/help"; expect "$work/help" "  quantbench [command]" "help names the command"
quantbench suites list >"$work/suites"; expect "$work/suites" "quick" "the suites come along"
quantbench completion bash >"$work/completion"; bash -n "$work/completion" || code=1
quantbench run quick --only variant=Q8_0,workload=load --plain >"$work/run" 2>&1 || { say "FAILED: a run"; tail -n 20 "$work/run"; code=1; }
expect "$work/run" "1 measured" "llama.cpp's libraries and the reference model come along"
expect "$work/run" "results: $work/data/quantbench/results/" "results lie in the user's data"
quantbench init synthetic:tiny >"$work/init" 2>&1 || code=1; expect "$work/init" "next: quantbench run tiny-shape.yaml" "init writes a suite"
eval "$(sed -n 's/^next: //p' "$work/run" | head -n 1)" >"$work/next" 2>&1 || { say "FAILED: the hint can't be pasted"; cat "$work/next"; code=1; }
expect "$work/next" "gguf:Q8_0" "the hint after a run can be pasted"
exit "$code"
