#!/usr/bin/env bash
# Compares QuantBench with llama.cpp's own tools, side by side in one run.
# Usage: tests/parity/run.sh RIVAL_BIN [expected|latency|perplexity|overhead|all] [ROUNDS]
#        tests/parity/run.sh RIVAL_BIN managed [SCHEMES]
#        tests/parity/run.sh RIVAL_BIN bindings [SCHEMES] [ROUNDS] [LAYERS]
#        tests/parity/run.sh RIVAL_BIN managed-speed [SCHEMES] [ROUNDS] [LAYERS] [SHAPE]
#   RIVAL_BIN  directory of llama-bench and llama-perplexity of llama.cpp v0.5.0 ('expected' and 'managed' don't run them: give any directory)
#   expected   perplexity, size, KL and agreement of 26 variants against tests/parity/expected.json
#   managed    the managed engine: perplexity, log-probabilities and KL of every GGUF scheme beside llama.cpp's; perplexity of safetensors and MLX.
#              With SCHEMES like IQ2_XS,F16 only those
#   latency    pp512 and tg128 over llama-bench's, interleaved
#   perplexity tokens per second over llama-perplexity's, interleaved
#   managed-speed  the managed engine over llama.cpp's libraries in RIVAL_BIN, on synthetic llama-3.2-1b or SHAPE: pp512, tg64, share of the memory
#              bandwidth, peak resident memory; SCHEMES like Q4_0,F16 (default all), ROUNDS 3, fewer LAYERS for tuning. Files: .cache/parity-models
#              Where RIVAL_BIN holds QuantBench.Parity of another build (tests/parity/bin/Release/net10.0 of its checkout, built), the managed
#              engine of that build is the rival, and every ratio must be 0.99 or more
#   bindings   llamacpp and llamasharp over the bare C calls on the build that NuGet brings (0.99 or more), and that build over the one of
#              RIVAL_BIN, on synthetic llama-3.2-1b: pp512 and tg64 in turns; SCHEMES (default Q4_0,Q4_K_M,Q8_0,F16), ROUNDS 5, fewer LAYERS
#   overhead   milliseconds and memory of a cell beyond load and work
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
rival=${1:?usage: tests/parity/run.sh RIVAL_BIN [expected|managed|managed-speed|latency|perplexity|overhead|all] ...}
"$root/run-bench.sh" setup
export QUANTBENCH_ROOT=$root
dotnet run --project "$root/tests/parity/QuantBench.Parity.csproj" -c Release -- "$root" "$rival" "${2-all}" "${@:3}"
