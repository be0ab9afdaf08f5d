#!/usr/bin/env bash
# Generation and prompt speed, load time and peak memory of onnx:int4-b32 on ONNX Runtime beside gguf:Q4_0 on llama.cpp and in C#, at the
# llama-3.2-1b shape (random weights: speed and memory only), in one run.
# Usage: tests/parity/onnx.sh WORK_DIR [prepare|measure|all]
#   WORK_DIR  directory for the model (2.5 GB), its artifacts (1.5 GB) and results
#   prepare   makes the model and both artifacts; measure only times them; all does both
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
work=$(realpath -m "${1:?usage: tests/parity/onnx.sh WORK_DIR [prepare|measure|all]}")
part=${2-all}
command=${QUANTBENCH_COMMAND-}
if [ -z "$command" ]; then "$root/run-bench.sh" setup; command=$root/.cache/app/quantbench; fi
export QUANTBENCH_ROOT=$root
mkdir -p "$work"
model=$work/llama-3.2-1b-f16.gguf
cat > "$work/onnx-parity.yaml" <<YAML
suite: onnx-parity
models: [{ id: llama-3.2-1b, source: $model }]
variants: [gguf:Q4_0, onnx:int4-b32]
backends: [llamacpp/cpu, managed/avx2, onnxruntime/cpu]
include:
  - { variant: "gguf:*", backend: llamacpp/cpu }
  - { variant: "gguf:*", backend: managed/avx2 }
  - { variant: "onnx:*", backend: onnxruntime/cpu }
workloads:
  - latency: { prompt: 128, generate: 32, repetitions: 4, max_repetitions: 6, time_cap: 12, warmup_cap: 4 }
YAML
if [ "$part" != measure ]; then
  [ -f "$model" ] || "$command" models synthesize --like llama-3.2-1b --scheme F16 --out "$model"
  for variant in gguf:Q4_0 onnx:int4-b32; do "$command" models prepare "$model" --variant "$variant" --cache "$work/cache"; done
fi
if [ "$part" != prepare ]; then "$command" run "$work/onnx-parity.yaml" --results "$work/results" --cache "$work/cache" --plain; fi
