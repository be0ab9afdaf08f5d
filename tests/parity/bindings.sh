#!/usr/bin/env bash
# bindings.sh [WORK_DIR] [ONLY]: perplexity of every variant of suites/gguf-all.yaml (2 chunks) through both bindings to llama.cpp, of one file each.
#   On the build that NuGet brings: 1e-6 at most between the bindings (relative), whatever the type.
#   llamacpp on v0.5.0 where npm has fetched it: 1e-6, but BF16 1e-4 and the codebook types (IQ) 4e-3, whose kernels changed between the builds.
# ONLY: variants by `--only`, e.g. variant=Q4_K_M. Takes some five minutes. Exit 1 when a figure is further off or missing.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
"$root/run-bench.sh" setup
command=$root/.cache/app/quantbench
export QUANTBENCH_ROOT=$root
unset QUANTBENCH_LLAMACPP_DIR QUANTBENCH_LLAMASHARP_DIR
work=$(realpath -m "${1:-$(mktemp -d /tmp/quantbench-bindings.XXXXXX)}")
only=(); [ -z "${2-}" ] || only=(--only "$2")
mkdir -p "$work"
suite=$work/bindings.yaml
cat >"$suite" <<YAML
suite: bindings
extends: $root/suites/gguf-all.yaml
backends: [llamacpp/cpu, llamasharp/cpu]
workloads:
  - perplexity: { dataset: sotu, n_ctx: 512, chunks: 2 }
exclude: []
YAML
code=0
both() { # both NAME BF16 IQ [OPTION ...]: both bindings within these shares of each other
  "$command" run "$suite" --results "$work/$1" --cache "$work/cache" --plain "${only[@]}" "${@:4}" >"$work/$1.log" 2>&1 || { code=1; tail -n 5 "$work/$1.log"; }
  "$command" results export latest --results "$work/$1" --format csv >"$work/$1.csv"
  awk -F, -v name="$1" -v bf16="$2" -v iq="$3" '
    /,ok,,perplexity,1,lower,/ { split($0, half, ",ok,,perplexity,1,lower,"); split(half[2], f, ","); value[$6, $7] = f[1]; all[$6] = 1 }
    END {
      for (v in all) {
        a = value[v, "llamacpp/cpu"]; b = value[v, "llamasharp/cpu"]; n++
        if (a == "" || b == "") { print name ": FAILED: " v " was not measured on both"; bad++; continue }
        share = a / b - 1; if (share < 0) share = -share
        limit = v ~ /:BF16/ ? bf16 : v ~ /:IQ/ ? iq : 1e-6
        if (share > limit) bad++
        if (share > 1e-6) printf "%s: %s %s differs by %.1e (%.5f and %.5f)\n", name, (share > limit ? "FAILED:" : "allowed:"), v, share, a, b
      }
      printf "%s: %d variants, %d too far apart\n", name, n, bad; exit (bad > 0 || n == 0)
    }' "$work/$1.csv" || code=1
}
level=$("$command" doctor | sed -n 's/.*LLamaSharp [^(]*(\([a-z0-9]*\)).*/\1/p' | head -n 1)
both one-build 1e-6 1e-6 --llamacpp-dir "$(echo "$(dirname "$command")"/runtimes/*/native/"$level")"
if [ -d "$root/src/QuantBench.Engines.LlamaCpp/natives/cpu/node_modules" ]; then both two-builds 1e-4 4e-3
else echo "two-builds: v0.5.0 isn't here (./run-bench.sh setup), so it was not compared."; fi
exit "$code"
