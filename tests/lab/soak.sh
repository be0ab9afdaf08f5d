#!/bin/sh
# A lab of a server on PostgreSQL and three agents under random faults: kills, stops, cut links, restarts of the server and of PostgreSQL.
# In the end every job has one whole run that counts, and whatever else was measured lies apart.
#   tests/lab/soak.sh [FAULTS [SEED]]      100 faults take about 15 minutes
set -eu
cd "$(dirname "$0")/../.."
QB_LAB_FAULTS="${1:-100}" QB_LAB_SEED="${2:-$(date +%s)}" QB_REQUIRE_POSTGRES=1
export QB_LAB_FAULTS QB_LAB_SEED QB_REQUIRE_POSTGRES
echo "$QB_LAB_FAULTS faults, seed $QB_LAB_SEED"
exec dotnet test tests/QuantBench.Lab.Tests -c Release --filter "FullyQualifiedName~AnyFaults_LoseNothing" </dev/null
