#!/usr/bin/env bash
# Runs a suite against itself and counts verdicts: aa.sh PAIRS [SUITE] [load] [OTHER_CHECKOUT]
# With 'load', a generator takes half of each core in bursts of random length meanwhile; before it starts, three runs give each figure's quiet
# value, and unmarked figures that are more than 10 % off are counted. OTHER_CHECKOUT, another checkout of QuantBench, is run in turns.
# AA_MINUTES ends it after so many minutes, whatever pairs are left.
set -euo pipefail
cd "$(dirname "$0")/../.."
pairs=${1:-20}
suite=${2:-suites/quick.yaml}
load=${3:-}
other=${4:-}
export AA_MINUTES=${AA_MINUTES:-600}
out=$(mktemp -d)
pids=()
trap 'for p in "${pids[@]}"; do kill "$p" 2>/dev/null || true; done; rm -rf "$out"' EXIT
deadline=$((SECONDS + AA_MINUTES * 60))
builds=(this)
[ -z "$other" ] || builds+=(other)

run() { # run BUILD RESULTS: one run; ends in its folder's name
    local root=$PWD
    [ "$1" = this ] || root=$other
    (cd "$root" && ./run-bench.sh run "$suite" --results "$2" --plain) >"$out/log" 2>&1 || { tail -5 "$out/log" >&2; return 1; }
    ls "$2" | grep -E '^[0-9]{8}-' | sort | tail -1
}

if [ -n "$load" ]; then
    for build in "${builds[@]}"; do for _ in 1 2 3; do run "$build" "$out/quiet-$build" >/dev/null; done; done
    for core in $(seq "$(nproc)"); do
        ( RANDOM=$core; while :; do
            ms=$((RANDOM % 400 + 20))
            timeout "$(printf '0.%03d' "$ms")" sh -c 'while :; do :; done' || true
            sleep "$(printf '0.%03d' "$ms")"
        done ) &
        pids+=($!)
    done
fi

for pair in $(seq "$pairs"); do
    [ $SECONDS -lt $deadline ] || { echo "time is up before pair $pair"; break; }
    for build in "${builds[@]}"; do
        root=$PWD
        [ "$build" = this ] || root=$other
        a=$(run "$build" "$out/$build"); b=$(run "$build" "$out/$build")
        (cd "$root" && ./run-bench.sh compare "$a" "$b" --results "$out/$build" --format csv --out "$out/$build.csv") >/dev/null
        python3 - "$out" "$build" "$pair" "$a" "$b" <<'PY'
import csv, glob, json, statistics, sys
out, build, pair, a, b = sys.argv[1:]
timing = {"pp_tps", "tg_tps", "ttft", "token_latency", "load_time", "run_latency", "kernel_bandwidth", "kernel_flops"}
def figures(folder):
    for line in open(folder + "/cells.jsonl"):
        cell = json.loads(line)
        for m in cell["metrics"]:
            if m["name"] in timing: yield (cell["cell"]["variant"], cell["cell"]["workload"], m["name"]), m
rows = [r for r in csv.DictReader(open(f"{out}/{build}.csv")) if r["metric"] in timing]
called = sum(r["verdict"] in ("better", "worse") for r in rows)
disturbed = sum("disturbed" in r["note"] for r in rows)
quiet = {}
for folder in glob.glob(f"{out}/quiet-{build}/2*"):
    for key, m in figures(folder): quiet.setdefault(key, []).append(m["value"])
unmarked = off = 0
for folder in (a, b):
    for key, m in figures(f"{out}/{build}/{folder}"):
        if key not in quiet or (m.get("timing") or {}).get("mark"): continue
        unmarked += 1
        off += abs(m["value"] / statistics.median(quiet[key]) - 1) > 0.1
with open(f"{out}/{build}.sum", "a") as sums: print(len(rows), called, disturbed, unmarked, off, file=sums)
print(f"pair {pair}, {build} build: {called} of {len(rows)} timings called, {disturbed} disturbed" + (f"; {off} of {unmarked} unmarked figures more than 10 % off" if quiet else ""), flush=True)
PY
    done
done
for build in "${builds[@]}"; do
    awk -v build="$build" -v load="$load" '{ n += $1; c += $2; d += $3; u += $4; o += $5 }
        END { printf "VERDICT, %s build: %d of %d timings called (%.1f %%, at most 5 wanted), %d disturbed", build, c, n, n ? 100 * c / n : 0, d
              if (load != "") printf "; %d of %d unmarked figures more than 10 %% off (none wanted)", o, u
              print "" }' "$out/$build.sum"
done
