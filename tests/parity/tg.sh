#!/usr/bin/env bash
# Generation speed over llama-bench's with the same libraries, in turns, at 1 and 2 threads: tg.sh RIVAL_BIN [ROUNDS]
# RIVAL_BIN holds llama-bench and llama.cpp's libraries. About 4 minutes for 7 rounds; every median ratio must be 0.99 or more.
set -euo pipefail
cd "$(dirname "$0")/../.."
rival=$(cd "${1:?usage: tests/parity/tg.sh RIVAL_BIN [ROUNDS]}" && pwd)
rounds=${2:-7}
[ -n "${QUANTBENCH_APP-}" ] || ./run-bench.sh setup
app=${QUANTBENCH_APP:-$PWD/.cache/app/quantbench}
export QUANTBENCH_ROOT=$PWD
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
cat >"$out/tg.yaml" <<YAML
suite: tg
models: [{ id: reference, source: $PWD/datasets/reference-model }]
variants: [gguf:F16, gguf:Q4_K_M, gguf:Q8_0]
backends: [llamacpp/cpu]
workloads: [latency: { prompt: 0, generate: 128, repetitions: 20, max_repetitions: 20, launches: 1, time_cap: 20, warmup_cap: 2 }]
YAML
for round in $(seq "$rounds"); do
    for threads in 1 2; do
        for variant in F16 Q4_K_M Q8_0; do
            rm -rf "$out/results"
            "$app" run "$out/tg.yaml" --only "variant=$variant" --threads "$threads" --results "$out/results" --llamacpp-dir "$rival" --plain >"$out/log" 2>&1
            file=$("$app" models prepare datasets/reference-model --variant "gguf:$variant" --json 2>/dev/null | grep '^{' | tail -1)
            file=$(python3 -c 'import json,sys; print(json.loads(sys.argv[1])["path"])' "$file")
            "$rival/llama-bench" -m "$file" -t "$threads" -p 0 -n 128 -r 20 -o json 2>/dev/null >"$out/bench.json"
            python3 - "$out" "$variant" "$threads" <<'PY' >>"$out/ratios"
import glob, json, statistics, sys
out, variant, threads = sys.argv[1:]
cell = json.loads(open(glob.glob(out + "/results/*/cells.jsonl")[0]).readline())
speed = next(m for m in cell["metrics"] if m["name"] == "tg_tps")
bench = [s for row in json.load(open(out + "/bench.json")) for s in row["samples_ts"]]
clean = [s for i, s in enumerate(speed["samples"]) if i not in (speed["timing"].get("disturbed_samples") or [])]
if clean: print(variant, threads, statistics.median(clean) / statistics.median(bench), max(speed["samples"]) / max(bench))
PY
        done
    done
done
python3 - "$out/ratios" <<'PY'
import collections, statistics, sys
ratios, best = collections.defaultdict(list), collections.defaultdict(list)
for line in open(sys.argv[1]):
    variant, threads, ratio, top = line.split()
    ratios[variant, threads].append(float(ratio)); best[variant, threads].append(float(top))
low = 0
for key, values in sorted(ratios.items()):
    median = statistics.median(values)
    low += median < 0.99
    print(f"tg128 {key[0]} with {key[1]} threads: ours over llama-bench's {median:.3f} (of {len(values)}: {min(values):.3f} to {max(values):.3f}; best repetitions {statistics.median(best[key]):.3f})")
print("VERDICT: every ratio is 0.99 or more" if low == 0 else f"VERDICT: {low} of {len(ratios)} ratios are below 0.99")
PY
