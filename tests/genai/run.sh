#!/usr/bin/env bash
# run.sh: an export of ours opened by ONNX Runtime GenAI as a user's program opens it: its greedy tokens are those that the onnxruntime engine
# finds likeliest. Fetches GenAI by NuGet (once); takes about a minute. Not part of the tests that run everywhere.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
"$root/run-bench.sh" setup
export QUANTBENCH_ROOT=$root
model=$root/datasets/reference-model
export=$("$root/.cache/app/quantbench" models prepare "$model" --variant onnx:fp16 | sed -n 's/^onnx:fp16: //p')
dotnet run --project "$here/QuantBench.Genai.csproj" -c Release -- "$model" "$export"
