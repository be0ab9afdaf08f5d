#!/usr/bin/env bash
# Three quants behind llama-server, end to end: perplexity through the server is llama.cpp's own within 1e-3, the client's speed the server's
# own within 3 %, and goodput per quant is printed.
# Usage: run.sh [DIR]      DIR holds llama-server (else it is looked for on PATH); the program must be built
set -euo pipefail
cd "$(dirname "$0")/../.."
[ -n "${1:-}" ] && PATH="$(cd "$1" && pwd):$PATH"
command -v llama-server >/dev/null || { echo "llama-server isn't on PATH; give its directory"; exit 2; }
out=$(mktemp -d); trap 'rm -rf "$out"' EXIT
cat >suites/serving-check.yaml <<'YAML'
extends: serve.yaml
suite: serving-check
backends: ["remote/openai@llama-server", llamacpp/cpu]
workloads:
  - perplexity: { dataset: sotu, chunks: 4 }
  - serve: { concurrency: 1, prompt_tokens: "64", output_tokens: "128", warmup: 2, duration: 20, launches: 1, slo: "ttft_p50 500ms, itl_p50 50ms" }
exclude: [ { backend: llamacpp/cpu, workload: serve } ]
YAML
trap 'rm -rf "$out" suites/serving-check.yaml' EXIT
"${QUANTBENCH:-./run-bench.sh}" run suites/serving-check.yaml --plain --results "$out" || true
cat "$out"/*/cells.jsonl | python3 -c '
import json, sys
cells = [json.loads(l) for l in sys.stdin]
def title(c): return " ".join(c["cell"][k] for k in ("variant", "backend", "workload"))
bad = [title(c) + ": " + str(c.get("reason")) for c in cells if c["status"] != "ok"]
def of(c, name): return next((m["value"] for m in c["metrics"] if m["name"] == name), None)
quality = {(c["cell"]["variant"], c["cell"]["backend"].split("/")[0]): of(c, "perplexity") for c in cells if c["cell"]["workload"] == "perplexity"}
for v in ("gguf:F16", "gguf:Q8_0", "gguf:Q4_0"):
    served, own = quality.get((v, "remote")), quality.get((v, "llamacpp"))
    if served is None or own is None: bad.append(f"{v}: no perplexity"); continue
    apart = abs(served / own - 1)
    print(f"{v}: perplexity {served:.5f} through the server, {own:.5f} in process: {apart:.1e} apart")
    if apart > 1e-3: bad.append(f"{v}: perplexity is {apart:.1e} apart")
for c in cells:
    if c["cell"]["workload"] != "serve" or c["status"] != "ok": continue
    ratio = of(c, "server_speed_ratio")
    print(c["cell"]["variant"], "goodput", round(of(c, "goodput"), 2), "requests/s; client over server speed", round(ratio, 4))
    if abs(ratio - 1) > 0.03: bad.append(title(c) + f": the client is {ratio - 1:+.1%} off the server")
print(*bad, sep="\n")
sys.exit(1 if bad else 0)'
