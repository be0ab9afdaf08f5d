#!/usr/bin/env bash
# What the load generator holds on this machine, against a stub in a process of its own (streamed replies of 16 tokens): per rate how late
# requests were sent, what the generator took, or that it can't hold the rate. Meant for a quiet machine.
# Usage: rates.sh [RATES] [ROUNDS]     e.g. rates.sh "2000 6000" 5; the program and the stub must be built
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
stub=${STUB:-$root/tests/QuantBench.StubServer/bin/Release/net10.0/QuantBench.StubServer.dll}
[ -f "$stub" ] || { echo "the stub isn't built: dotnet build tests/QuantBench.StubServer -c Release"; exit 2; }
out=$(mktemp -d)
coproc STUBS { exec dotnet "$stub" first=5 gap=1; }
trap 'kill "$STUBS_PID" 2>/dev/null || true; rm -rf "$out"' EXIT
read -r port <&"${STUBS[0]}"
for round in $(seq "${2:-1}"); do
  for rate in ${1:-2000}; do
    cat >"$out/rates.yaml" <<YAML
suite: rates
models: [ { id: stub, source: served } ]
variants: ["served:stub:q4_0"]
backends: ["remote/openai@http://127.0.0.1:$port"]
workloads:
  - serve: { arrivals: constant, rate: $rate, warmup: 3, duration: 10, launches: 1, prompt_tokens: "16", output_tokens: "16" }
YAML
    rm -rf "$out/results"
    "${QUANTBENCH:-$root/run-bench.sh}" run "$out/rates.yaml" --plain --results "$out/results" --cache "$out/cache" >"$out/log" 2>&1 || true
    cat "$out"/results/*/cells.jsonl | python3 -c '
import json, sys
rate = sys.argv[1]
for c in map(json.loads, sys.stdin):
    m = {x["name"]: x for x in c.get("metrics", [])}
    if c["status"] != "ok" or "send_lateness" not in m: print(rate + "/s:", c.get("reason")); continue
    late, k = m["send_lateness"], c["conditions"]
    samples = sorted(late["samples"])
    p = lambda q: samples[min(len(samples) - 1, int(q * len(samples)))]
    print(f"{rate}/s: lateness p50 {p(.5):.3f} p99 {p(.99):.3f} p99.9 {p(.999):.3f} max {samples[-1]:.1f} ms, CPU", round(m["generator_cpu"]["value"], 2),
          "answered", round(m["requests_per_second"]["value"]), "TTFT", round(m["serve_ttft"]["value"], 2), "ms,", int(k.get("load_collections", 0)),
          "collections of", round(k.get("load_collected_ms", 0)), "ms in all;", int(k["load_missed"]), "missed,", c["provenance"].get("load_send_priority"))' "$rate"
  done
done
