#!/bin/sh
# Simulated agents against one server on PostgreSQL, each with a run of 200 cells, while pages are read. Alone on its machine.
#   tests/lab/load.sh [AGENTS]      200 take about two minutes
set -eu
cd "$(dirname "$0")/../.."
QB_LAB_AGENTS="${1:-200}" QB_REQUIRE_POSTGRES=1
export QB_LAB_AGENTS QB_REQUIRE_POSTGRES
exec dotnet test tests/QuantBench.Lab.Tests -c Release --filter "FullyQualifiedName~ManyAgents_AreAnsweredInTime" \
  --logger "console;verbosity=detailed" </dev/null
