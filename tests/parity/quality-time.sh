#!/usr/bin/env bash
# Time of the main job and of its quality part, this build beside another checkout's, in turns: quality-time.sh CHECKOUT [ROUNDS] [quality|all]
# CHECKOUT is another commit's checkout, set up (./run-bench.sh setup). Each side runs its own suites/reference.yaml from a cache of its own, whose
# artifacts are made first; references are computed anew in every round. `quality` (default) runs the cells of perplexity and divergence, `all` the whole
# job. Needs a quiet machine.
set -euo pipefail
here=$(cd "$(dirname "$0")/../.." && pwd)
other=$(cd "${1:?usage: tests/parity/quality-time.sh CHECKOUT [ROUNDS] [quality|all]}" && pwd)
rounds=${2:-3} part=${3:-quality}
"$here/run-bench.sh" setup
[ -x "$other/.cache/app/quantbench" ] || { echo "error: $other isn't set up: run its ./run-bench.sh setup" >&2; exit 69; }
only=()
[ "$part" = all ] || only=(--only workload=perplexity --only workload=divergence)
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
run() { # run SIDE CHECKOUT: seconds of one run on standard output
    rm -rf "$out/$1/cache/references" "$out/$1/results"
    local start end
    start=$(date +%s.%N)
    QUANTBENCH_ROOT=$2 "$2/.cache/app/quantbench" run "$2/suites/reference.yaml" "${only[@]}" --cache "$out/$1/cache" --results "$out/$1/results" --plain \
        >"$out/$1.log" 2>&1 || { tail "$out/$1.log" >&2; return 1; }
    end=$(date +%s.%N)
    python3 -c "print($end - $start)"
}
echo "making artifacts ..." >&2
run here "$here" >/dev/null
run other "$other" >/dev/null
for round in $(seq "$rounds"); do
    # Who goes first changes, so that a drifting machine moves both alike.
    if [ $((round % 2)) = 1 ]; then a=$(run here "$here") b=$(run other "$other"); else b=$(run other "$other") a=$(run here "$here"); fi
    echo "$a $b" | tee -a "$out/times" >&2
done
python3 - "$out/times" "$part" <<'PY'
import statistics, sys
pairs = [tuple(map(float, line.split())) for line in open(sys.argv[1])]
ratios = sorted(a / b for a, b in pairs)
here, other = (statistics.median(p[i] for p in pairs) for i in (0, 1))
limit = 0.55 if sys.argv[2] == "quality" else 0.7
ratio = statistics.median(ratios)
print(f"{sys.argv[2]}: {here:.1f} s here, {other:.1f} s there, ratio {ratio:.3f} (of {len(ratios)}: {ratios[0]:.3f} to {ratios[-1]:.3f})")
print(f"VERDICT: {'at most' if ratio <= limit else 'above'} {limit}")
sys.exit(0 if ratio <= limit else 1)
PY
