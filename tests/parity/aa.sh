#!/usr/bin/env bash
# Runs a suite against itself and counts verdicts: aa.sh PAIRS [SUITE] [load]
# With 'load', a generator takes half of each core in bursts of random length meanwhile.
set -euo pipefail
cd "$(dirname "$0")/../.."
pairs=${1:-20}
suite=${2:-suites/quick.yaml}
out=$(mktemp -d)
pids=()
trap 'for p in "${pids[@]}"; do kill "$p" 2>/dev/null || true; done; rm -rf "$out"' EXIT
if [ "${3:-}" = load ]; then
    for core in $(seq "$(nproc)"); do
        ( RANDOM=$core; while :; do
            ms=$((RANDOM % 400 + 20))
            timeout "$(printf '0.%03d' "$ms")" sh -c 'while :; do :; done' || true
            sleep "$(printf '0.%03d' "$ms")"
        done ) &
        pids+=($!)
    done
fi

total=0; called=0; disturbed=0
for pair in $(seq "$pairs"); do
    for side in a b; do ./run-bench.sh run "$suite" --results "$out/results" --plain >"$out/$pair$side.log" 2>&1; done
    mapfile -t runs < <(ls "$out/results" | grep -E '^[0-9]{8}-' | sort | tail -2)
    ./run-bench.sh compare "${runs[0]}" "${runs[1]}" --results "$out/results" --format csv --out "$out/$pair.csv" >/dev/null
    read -r t c d < <(python3 - "$out/$pair.csv" <<'PY'
import csv, sys
timing = {"pp_tps", "tg_tps", "ttft", "token_latency", "load_time", "run_latency", "kernel_bandwidth", "kernel_flops"}
rows = [r for r in csv.DictReader(open(sys.argv[1])) if r["metric"] in timing]
print(len(rows), sum(r["verdict"] in ("better", "worse") for r in rows), sum("disturbed" in r["note"] for r in rows))
PY
)
    total=$((total + t)); called=$((called + c)); disturbed=$((disturbed + d))
    echo "pair $pair: $c of $t timings called, $d disturbed"
done
echo "$called of $total timings got a verdict, $disturbed had none because they were disturbed"
