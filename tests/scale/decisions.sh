#!/usr/bin/env bash
# Times recommend for every profile, gate (rules kept and broken) and claims on one stored run, through the real command.
# Usage: tests/scale/decisions.sh [RUN [RESULTS]]
#   RUN      a stored run (default: latest), e.g. one of ./run-bench.sh run suites/reference.yaml
#   RESULTS  directory of run folders (default: the usual one)
# Prints wall-clock seconds with the program's start, median of 5. Target: 2 s each.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
run=${1:-latest}
results=(); [ $# -gt 1 ] && results=(--results "$2")
"$root/run-bench.sh" setup
export QUANTBENCH_ROOT=$root
app=$root/.cache/app/quantbench
work=$(mktemp -d); trap 'rm -r "$work"' EXIT
echo 'gates: [{ metric: bits_per_weight, min: 1 }, { metric: artifact_size, min: 1 }]' >"$work/kept.yaml"
echo 'gates: [{ metric: bits_per_weight, max: 1 }, { metric: artifact_size, max: 1 }]' >"$work/broken.yaml"
missed=0

# timed WHAT CODE ARGUMENT...: five runs that must end with CODE.
timed() {
  local what=$1 code=$2 got seconds start; shift 2
  seconds=$(for _ in 1 2 3 4 5; do
    start=$EPOCHREALTIME; got=0
    "$app" "$@" "${results[@]}" >"$work/out" 2>"$work/err" || got=$?
    [ "$got" -eq "$code" ] || { echo "error: '$*' ended with $got, not $code: $(tail -n 2 "$work/err")" >&2; exit 1; }
    awk -v a="$start" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.2f\n", b - a }'
  done | sort -n | sed -n 3p)
  if awk -v s="$seconds" 'BEGIN { exit (s < 2) }'; then missed=1; what="MISSED $what"; fi
  printf '%s: %s s: %s\n' "$what" "$seconds" "$(head -n 1 "$work/out" | cut -c 1-150)"
}

for profile in "$root"/suites/profiles/*.yaml; do
  name=$(basename "$profile" .yaml)
  timed "recommend $name" 0 recommend "$run" --profile "$name"
done
timed "gate, kept" 0 gate "$run" --rules "$work/kept.yaml"
timed "gate, broken" 3 gate "$run" --rules "$work/broken.yaml"
timed "claims" 0 claims "$run"
exit $missed
