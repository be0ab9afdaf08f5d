#!/usr/bin/env bash
# run.sh [OUT] [main|all]: this machine as one with the .NET SDK and nothing else. In mounts of its own, which nobody else sees, everything that npm
# brought is hidden, and so are npm and node. There: what doctor says, a part of the main job from an empty cache, the llama.cpp engine's tests
# on the build from NuGet, and what is said when libgomp1 is missing. Takes about a minute. `main` runs the main job instead, whole, through its
# door and with an empty cache; `all` runs every test project instead of a part of one.
# Exit 77: can't be done on this machine, with the reason.
# Needs built tests (dotnet build -c Release) and a built command (./run-bench.sh setup).
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
app=$root/.cache/app
out=${1:-$root/.cache/test-results}
part=${2-}

if [ -z "${QUANTBENCH_NONODE-}" ]; then
  share=(unshare --mount); [ "$(id -u)" -eq 0 ] || share+=(--map-root-user)
  "${share[@]}" true 2>/dev/null || { echo "nonode: this machine gives no mounts of one's own (unshare), so a machine without Node was not played."; exit 77; }
  QUANTBENCH_NONODE=1 exec "${share[@]}" "$here/run.sh" "$out" "$part"
fi

work=$(mktemp -d /tmp/quantbench-nonode.XXXXXX)
trap 'rm -rf "$work"' EXIT
mkdir "$work/empty"
for folder in "$root"/datasets/node_modules "$root"/src/QuantBench.Engines.LlamaCpp/natives/*/node_modules "$root"/tests/QuantBench.Dashboard.Browser.Tests/axe/node_modules \
    "$root/.cache/vocabularies"; do
  [ -d "$folder" ] && mount --bind "$work/empty" "$folder"
done
mkdir "$work/bin"
IFS=: read -ra folders <<<"$PATH"
for folder in "${folders[@]}"; do cp -sn "$folder"/* "$work/bin/" 2>/dev/null || true; done
rm -f "$work"/bin/{node,nodejs,npm,npx}
export PATH=$work/bin
export QUANTBENCH_ROOT=$root
unset QUANTBENCH_LLAMACPP_DIR QB_REQUIRE_NPM
cd "$root"
code=0
TIMEFORMAT='nonode: %0R s, of CPU time %0U s and %0S s of the system'
expect() { # expect FILE TEXT WHAT
  if grep -qF -- "$2" "$1"; then echo "nonode: $3"; else echo "nonode: FAILED: $3; '$2' isn't in:"; tail -n 40 "$1"; code=1; fi
}

if [ "$part" = main ]; then
  mkdir "$work/results"
  mount --bind "$work/results" "$root/results"
  export QUANTBENCH_CACHE=$work/cache
  echo "nonode: setup"; time ./run-bench.sh setup || exit 1
  echo "nonode: the main job"; time ./run-bench.sh || code=$?
  exit "$code"
fi

"$app/quantbench" doctor >"$work/doctor" || { code=1; cat "$work/doctor"; }
expect "$work/doctor" "LLamaSharp.Backend.Cpu" "llamacpp runs on the build that NuGet brings"
expect "$work/doctor" "install Node.js and run ./run-bench.sh setup" "doctor says why, and what would bring the other"
expect "$work/doctor" "main job: trace" "the main job's text is the reference model's own"

cat >"$work/part.yaml" <<YAML
suite: part-of-the-main-job
extends: $root/suites/reference-trace.yaml
variants: [gguf:Q4_K_M, onnx:int4-b32]
backends: [llamacpp/cpu, llamasharp/cpu, onnxruntime/cpu]
include:
  - { variant: "gguf:*", backend: llamacpp/cpu }
  - { variant: "gguf:*", backend: llamasharp/cpu }
  - { variant: "onnx:*", backend: onnxruntime/cpu }
exclude: []
workloads:
  - perplexity: { dataset: trace, n_ctx: 512, chunks: 2 }
  - load: { time_cap: 0.5, warmup_cap: 0.2 }
YAML
"$app/quantbench" run "$work/part.yaml" --cache "$work/cache" --results "$work/results" --plain >"$work/run" 2>&1 || { echo "nonode: FAILED: the main job"; code=1; }
expect "$work/run" " 0 failed" "the main job's cells are measured"

gomp=$(ldconfig -p 2>/dev/null | sed -n 's/.*libgomp\.so\.1 .*=> //p' | head -n 1)
if [ -n "$gomp" ]; then
  gomp=$(realpath "$gomp")
  mount --bind /dev/null "$gomp"
  "$app/quantbench" doctor >"$work/doctor" 2>&1 || true
  umount "$gomp"
  expect "$work/doctor" "apt-get install libgomp1" "without libgomp1 doctor names the package"
fi

projects=(tests/QuantBench.Engines.LlamaCpp.Tests)
filter=(--filter 'FullyQualifiedName~PerplexityParity|FullyQualifiedName~LlamaInstallation|FullyQualifiedName~LlamaCppEngineTests')
[ "$part" != all ] || { projects=(tests/*.Tests); filter=(); }
for project in "${projects[@]}"; do
  name=$(basename "$project")
  dotnet test "$project/bin/Release/net10.0/$name.dll" "${filter[@]}" --results-directory "$out" --logger "trx;LogFileName=$name-without-node.trx" --logger 'console;verbosity=normal' \
    >"$work/tests" 2>&1 || { code=1; grep -E '^ +Failed |\[FAIL\]' "$work/tests"; }
  sed -n 's/^ *Skipped \([^[]*\).*/nonode: skipped: \1/p' "$work/tests" | sed 's/(.*//' | sort | uniq -c
  grep -E 'Total tests|Passed:|Failed:|Skipped:' "$work/tests" | tr -s ' \n' ' '; echo "($name)"
done
exit "$code"
