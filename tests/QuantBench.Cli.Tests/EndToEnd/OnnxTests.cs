using System.Runtime.InteropServices;
using QuantBench.Core.Cells;
using QuantBench.Results.Folders;
using QuantBench.TestKit;

namespace QuantBench.Cli.Tests.EndToEnd;

/// <summary>ONNX models through the real command: exported ones, given ones, and those that Olive makes on the way.</summary>
public sealed class OnnxTests : IDisposable
{
    private readonly TemporaryDirectory _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Suite_MeasuresExportedGivenAndOliveMadeModels()
    {
        // The stand-in for Olive takes the source directory as it is and leaves a footprint, as Olive does.
        IReadOnlyList<CellResult> exported = await RunAsync("exported", $$"""
            suite: exported
            models: [{ id: reference, source: {{RepositoryRoot.Combine("datasets", "reference-model")}} }]
            variants: [onnx:int4-b32]
            backends: [onnxruntime/cpu]
            workloads:
              - perplexity: { dataset: {{Text()}}, chunks: 2 }
              - onnx-latency: { reference: onnx:int4-b32, shapes: "sequence_length=4,total_sequence_length=4,past_sequence_length=0",
                  repetitions: 2, time_cap: 1, ort_profile: true }
            """);
        string model = Directory.GetFiles(_folder.Combine("cache"), "model.onnx", SearchOption.AllDirectories).Single();
        string directory = Path.GetDirectoryName(model)!; // a file has a directory
        string suite = $$"""
            suite: olive
            models:
              - { id: given, source: {{directory}} }
              - { id: made, source: {{directory}}, olive: "quantize --algorithm rtn" }
            variants: [onnx:given-int4]
            backends: [onnxruntime/cpu]
            workloads: [perplexity: { dataset: {{Text()}}, chunks: 2 }]
            """;
        IReadOnlyList<CellResult> compared = await RunAsync("compared", $$"""
            suite: compared
            models: [{ id: given, source: {{model}} }]
            variants: [onnx:given-int4]
            backends: [onnxruntime/cpu]
            workloads:
              - onnx-latency: { reference_file: {{model}}, shapes: "sequence_length=4,total_sequence_length=4,past_sequence_length=0",
                  repetitions: 2, time_cap: 1 }
            """);

        IReadOnlyList<CellResult> without = await RunAsync("without", suite, ("PATH", Environment.GetEnvironmentVariable("PATH")));
        string? path = WriteOlive();
        IReadOnlyList<CellResult> with = path is null ? [] : await RunAsync("with", suite, ("PATH", path));

        Assert.All(exported, c => Assert.Equal(CellStatus.Ok, c.Status));
        Assert.Equal(0, exported[1].Metric("output_error")?.Value);
        Assert.Equal(0, compared[0].Metric("output_error")?.Value);
        Assert.Contains(exported[1].Notes ?? [], n => n.StartsWith("slowest operators:", StringComparison.Ordinal));
        Assert.Equal(CellStatus.Ok, without[0].Status);
        Assert.Equal(exported[0].Metric("perplexity")?.Value, without[0].Metric("perplexity")?.Value);
        Assert.Equal(CellStatus.Unsupported, without[1].Status);
        Assert.Contains("olive", without[1].Reason, StringComparison.Ordinal);
        if (path is null) return; // no shell script stands on PATH on Windows
        CellResult made = with[1];
        Assert.Equal(CellStatus.Ok, made.Status);
        Assert.Equal(exported[0].Metric("perplexity")?.Value, made.Metric("perplexity")?.Value);
        Assert.Equal("olive quantize --algorithm rtn", made.Provenance["olive_command"]);
        Assert.Equal(64, made.Provenance["olive_output_sha256"].Length);
        Assert.Contains("quantizing", await File.ReadAllTextAsync(made.Provenance["olive_log"]), StringComparison.Ordinal);
        Assert.Contains(made.Notes ?? [], n => n.Contains("latency-avg 3.5", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Doctor_TellsWhyALibraryIsRefused()
    {
        string notOne = _folder.Write("libonnxruntime.so", [1, 2, 3]);

        (int code, string output, string error) = await QuantBenchProcess.RunAsync("doctor", "--ort-library", notOne);

        Assert.Contains("can't be loaded", output + error, StringComparison.Ordinal);
        Assert.Equal(0, code);
    }

    [Fact]
    public async Task Doctor_TakesALibraryOfTheUsers()
    {
        string name = RuntimeInformation.IsOSPlatform(OSPlatform.Windows) ? "onnxruntime.dll"
            : RuntimeInformation.IsOSPlatform(OSPlatform.OSX) ? "libonnxruntime.dylib" : "libonnxruntime.so";
        string own = Directory.GetFiles(AppContext.BaseDirectory, name, SearchOption.AllDirectories)
            .First(f => f.Contains(RuntimeInformation.RuntimeIdentifier.Split('-')[0], StringComparison.Ordinal));
        string copy = _folder.Combine(name);
        File.Copy(own, copy);

        (_, string output, string error) = await QuantBenchProcess.RunAsync("doctor", "--ort-library", _folder.Path);

        Assert.Contains("the user's library", output + error, StringComparison.Ordinal);
    }

    private async Task<IReadOnlyList<CellResult>> RunAsync(string name, string text, params (string Name, string? Value)[] environment)
    {
        string suite = _folder.Combine($"{name}.yaml");
        await File.WriteAllTextAsync(suite, text);
        (int _, string output, string error) = await QuantBenchProcess.RunAsync(
            environment, ["run", suite, "--results", _folder.Combine(name), "--cache", _folder.Combine("cache"), "--plain"]);
        string? cells = Directory.Exists(_folder.Combine(name))
            ? Directory.GetFiles(_folder.Combine(name), "cells.jsonl", SearchOption.AllDirectories).SingleOrDefault() : null;
        Assert.True(cells is not null, error + output);
        using RunFolder run = RunFolder.OpenReadOnly(Path.GetDirectoryName(cells)!); // a file has a directory
        return run.ReadCells();
    }

    private string? WriteOlive()
    {
        if (OperatingSystem.IsWindows()) return null;
        string bin = Directory.CreateDirectory(_folder.Combine("bin")).FullName;
        string script = Path.Combine(bin, "olive");
        File.WriteAllText(script, """
            #!/bin/sh
            set -e
            while [ $# -gt 0 ]; do
              case $1 in
                --model_name_or_path) model=$2; shift ;;
                --output_path) output=$2; shift ;;
              esac
              shift
            done
            echo "quantizing $model"
            mkdir -p "$output/model"
            cp "$model"/* "$output/model/"
            echo '{"latency-avg": {"value": 3.5, "priority": 1, "higher_is_better": false}}' > "$output/model/metrics.json"
            """);
        File.SetUnixFileMode(script, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        return $"{bin}{Path.PathSeparator}{Environment.GetEnvironmentVariable("PATH")}";
    }

    private string Text()
    {
        string path = _folder.Combine("text.txt");
        File.WriteAllText(path, ReferenceText.Start(10_000));
        return path;
    }
}
