#!/usr/bin/env bash
# Prompt and generation speed of sequences at once and behind a depth, over llama.cpp's own tools on the same libraries, in turns:
# batched.sh RIVAL_BIN [ROUNDS]
# RIVAL_BIN holds llama-batched-bench and llama-bench of llama.cpp v0.5.0 (cmake --build build --target llama-batched-bench llama-bench) and its
# libraries. Needs a quiet machine. Every median ratio must be within 3 % of 1.
# Batched figures are held against llama-batched-bench (-npp 128 -ntg 32, every sequence with its own prompt), depths against llama-bench -d.
set -euo pipefail
cd "$(dirname "$0")/../.."
rival=$(cd "${1:?usage: tests/parity/batched.sh RIVAL_BIN [ROUNDS]}" && pwd)
rounds=${2:-5} threads=${QB_THREADS:-$(nproc)}
[ -x "$rival/llama-batched-bench" ] || { echo "error: $rival has no llama-batched-bench" >&2; exit 69; }
[ -n "${QUANTBENCH_APP-}" ] || ./run-bench.sh setup
app=${QUANTBENCH_APP:-$PWD/.cache/app/quantbench}
export QUANTBENCH_ROOT=$PWD LD_LIBRARY_PATH=$rival
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
cat >"$out/batched.yaml" <<YAML
suite: batched
models: [{ id: reference, source: $PWD/datasets/reference-model }]
variants: [gguf:Q8_0]
backends: [llamacpp/cpu]
settings: { threads: $threads }
workloads:
  - latency: { prompt: 128, generate: 0, parallel: [1, 2, 4, 8], repetitions: 10, max_repetitions: 10, launches: 1, time_cap: 60, warmup_cap: 1 }
  - latency: { prompt: 0, generate: 32, depth: 128, parallel: [1, 2, 4, 8], repetitions: 10, max_repetitions: 10, launches: 1, time_cap: 60, warmup_cap: 1 }
  - latency: { prompt: 128, generate: 32, depth: [256, 1024], repetitions: 10, max_repetitions: 10, launches: 1, time_cap: 60, warmup_cap: 1 }
YAML
file=$("$app" models prepare datasets/reference-model --variant gguf:Q8_0 --json 2>/dev/null | grep '^{' | tail -1)
file=$(python3 -c 'import json,sys; print(json.loads(sys.argv[1])["path"])' "$file")
for round in $(seq "$rounds"); do
    rm -rf "$out/results"
    "$app" run "$out/batched.yaml" --results "$out/results" --llamacpp-dir "$rival" --plain >"$out/log" 2>&1 || { tail "$out/log" >&2; exit 1; }
    "$rival/llama-batched-bench" -m "$file" -t "$threads" -c 4096 -b 2048 -ub 512 -npp 128 -ntg 32 -npl 1,2,4,8 --output-format jsonl >"$out/batched.jsonl" 2>"$out/rival.log" \
        || { tail "$out/rival.log" >&2; exit 1; }
    "$rival/llama-bench" -m "$file" -t "$threads" -p 128 -n 32 -d 256,1024 -r 10 -o json >"$out/bench.json" 2>"$out/rival.log" || { tail "$out/rival.log" >&2; exit 1; }
    python3 - "$out" <<'PY' >>"$out/ratios"
import glob, json, sys
out = sys.argv[1]
rival = {}
for line in open(out + "/batched.jsonl"):
    if not line.startswith("{"): continue
    row = json.loads(line)
    rival["parallel", int(row["pl"])] = (row["speed_pp"], row["speed_tg"])
for row in json.load(open(out + "/bench.json")):
    depth, at = ("depth", row["n_depth"]), 0 if row["n_gen"] == 0 else 1
    pair = list(rival.get(depth, (0, 0)))
    pair[at] = row["avg_ts"]
    rival[depth] = tuple(pair)
for line in open(glob.glob(out + "/results/*/cells.jsonl")[0]):
    cell = json.loads(line)
    settings = cell["cell"]["settings"] if "cell" in cell else cell["settings"]
    kind = "depth" if settings.get("depth", 0) > 128 else "parallel" # its generation starts behind the prompt
    key = (kind, settings.get(kind, 1))
    for at, name in enumerate(("pp_tps", "tg_tps")):
        value = next((m["value"] for m in cell["metrics"] if m["name"] == name), None)
        if value: print(kind, key[1], name, value / rival[key][at])
PY
done
python3 - "$out/ratios" <<'PY'
import collections, statistics, sys
ratios = collections.defaultdict(list)
for line in open(sys.argv[1]):
    kind, value, name, ratio = line.split()
    ratios[kind, int(value), name].append(float(ratio))
off = 0
for (kind, value, name), values in sorted(ratios.items()):
    median = statistics.median(values)
    off += abs(median - 1) > 0.03
    print(f"{name} {kind} {value}: ours over llama.cpp's {median:.3f} (of {len(values)}: {min(values):.3f} to {max(values):.3f})")
print("VERDICT: every ratio is within 3 %" if off == 0 else f"VERDICT: {off} of {len(ratios)} ratios are off by more than 3 %")
sys.exit(1 if off else 0)
PY
