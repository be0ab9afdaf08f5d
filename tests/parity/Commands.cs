using System.Diagnostics;
using System.Text;
using System.Text.Json.Nodes;
using QuantBench.Core.Cells;
using QuantBench.Results.Folders;

namespace QuantBench.Parity;

/// <summary>Runs our command and the rival's tools as a user would.</summary>
/// <param name="command">Our command: path of <c>quantbench</c>.</param>
/// <param name="rival">Directory of llama-bench and llama-perplexity.</param>
/// <param name="scratch">Directory for results.</param>
/// <param name="sameLibrary">Whether ours loads the rival's own libraries, so that only the harness differs.</param>
internal sealed class Commands(string command, string rival, string scratch, bool sameLibrary)
{
    /// <summary>Runs a suite with our command and returns its cells.</summary>
    public IReadOnlyList<CellResult> RunSuite(string suiteText)
    {
        string id = Guid.NewGuid().ToString("n")[..8];
        string suite = Path.Combine(scratch, $"parity-{id}.yaml");
        string results = Path.Combine(scratch, $"results-{id}");
        File.WriteAllText(suite, suiteText);
        var arguments = new List<string> { "run", suite, "--results", results, "--plain" };
        if (sameLibrary) arguments.AddRange(["--llamacpp-dir", rival]);
        (int code, string output) = Run(command, arguments);
        if (code != 0) throw new InvalidOperationException($"'{command} run {suite}' ended with {code}:\n{output}");
        string folder = Directory.GetDirectories(results).Single(d => File.Exists(Path.Combine(d, "cells.jsonl")));
        using RunFolder run = RunFolder.Open(folder);
        return run.ReadCells();
    }

    /// <summary>Path of the artifact that a suite's variant was prepared to.</summary>
    public string Artifact(string model, string variant)
    {
        (int code, string output) = Run(command, ["models", "prepare", model, "--variant", variant, "--json"]);
        string json = output.Split('\n').LastOrDefault(l => l.StartsWith('{')) ?? "{}";
        return JsonNode.Parse(json)?["path"]?.GetValue<string>()
            ?? throw new InvalidOperationException($"models prepare ended with {code}:\n{output}");
    }

    /// <summary>What <c>models prepare</c> says of each of some variants, in their order.</summary>
    public IReadOnlyList<JsonObject> Prepare(string model, IReadOnlyList<string> variants)
    {
        (int code,
            string output) =
                Run(command, ["models", "prepare", model, "--json", .. variants.SelectMany(v => new[] { "--variant", v })],
                    standardErrorToo: false);
        // a line is an object
        JsonObject[] artifacts = [.. output.Split('\n').Where(l => l.StartsWith('{')).Select(l => JsonNode.Parse(l)!.AsObject())];
        return code == 0 && artifacts.Length == variants.Count ? artifacts
            : throw new InvalidOperationException($"models prepare ended with {code}:\n{output}");
    }

    /// <summary>llama-bench's samples in tokens per second.</summary>
    public double[] Bench(string gguf, int threads, int prompt, int generate, int repetitions)
    {
        (int code, string output) = Run(
            Path.Combine(rival, "llama-bench"),
            ["-m", gguf, "-t", $"{threads}", "-p", $"{prompt}", "-n", $"{generate}", "-r", $"{repetitions}", "-o", "json"],
            standardErrorToo: false);
        if (code != 0) throw new InvalidOperationException($"llama-bench ended with {code}:\n{output}");
        JsonArray rows = JsonNode.Parse(output)!.AsArray(); // llama-bench prints an array or fails
        return [.. rows.SelectMany(r => r!["samples_ts"]!.AsArray()).Select(v => v!.GetValue<double>())]; // documented fields
    }

    /// <summary>
    /// Tokens per second of llama-perplexity between the end of its first batch of chunks and its last, so that start-up and tokenization
    /// don't count. It sometimes exits 0 on a busy machine with its last lines missing; such a run is repeated.
    /// </summary>
    public double PerplexitySpeed(string gguf, string text, int threads, int chunks, int chunksPerBatch)
    {
        for (int attempt = 1; attempt <= 3; attempt++)
        {
            var start = new ProcessStartInfo(Path.Combine(rival, "llama-perplexity"))
            {
                RedirectStandardOutput = true,
                RedirectStandardError = true,
                ArgumentList = { "-m", gguf, "-f", text, "-c", "512", "--chunks", $"{chunks}", "-t", $"{threads}" },
            };
            using Process process = Process.Start(start)!; // a file name was given
            long first = 0;
            long last = 0;
            bool finished = false;
            var seen = new StringBuilder();
            process.ErrorDataReceived += (_, e) => finished |= e.Data?.Contains("Final estimate", StringComparison.Ordinal) == true;
            process.BeginErrorReadLine();
            var buffer = new char[4096];
            int read;
            while ((read = process.StandardOutput.Read(buffer, 0, buffer.Length)) > 0)
            {
                long now = Stopwatch.GetTimestamp();
                seen.Append(buffer, 0, read);
                string so = seen.ToString();
                if (first == 0 && so.Contains($"[{chunksPerBatch}]", StringComparison.Ordinal)) first = now;
                if (last == 0 && so.Contains($"[{chunks}]", StringComparison.Ordinal)) last = now;
                finished |= so.Contains("Final estimate", StringComparison.Ordinal);
            }

            process.WaitForExit();
            if (finished && first != 0 && last > first)
                return (chunks - chunksPerBatch) * 512.0 / Stopwatch.GetElapsedTime(first, last).TotalSeconds;
        }

        throw new InvalidOperationException("llama-perplexity didn't print its final estimate in three attempts.");
    }

    /// <summary>Runs a command and returns its exit code and output.</summary>
    public static (int Code, string Output) Run(string file, IEnumerable<string> arguments, bool standardErrorToo = true)
    {
        var start = new ProcessStartInfo(file) { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (string argument in arguments) start.ArgumentList.Add(argument);
        using Process process = Process.Start(start)!; // a file name was given
        Task<string> errors = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, standardErrorToo ? output + errors.GetAwaiter().GetResult() : output);
    }

    /// <summary>Largest resident memory of a command in bytes, polled from the kernel's own high-water mark.</summary>
    public static long PeakResidentBytes(string file, IEnumerable<string> arguments)
    {
        var start = new ProcessStartInfo(file) { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (string argument in arguments) start.ArgumentList.Add(argument);
        using Process process = Process.Start(start)!; // a file name was given
        process.OutputDataReceived += (_, _) => { };
        process.ErrorDataReceived += (_, _) => { };
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        long peak = 0;
        while (!process.WaitForExit(2))
        {
            process.Refresh();
            try
            {
                peak = Math.Max(peak, process.PeakWorkingSet64);
            }
            catch (InvalidOperationException)
            {
                // It ended between the two calls.
            }
        }

        return peak;
    }
}
