using System.Collections.Immutable;
using System.Diagnostics;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using QuantBench.Core;
using QuantBench.Core.Errors;
using QuantBench.Core.Suites;
using QuantBench.Inference.Artifacts;
using QuantBench.Runner.Registry;

namespace QuantBench.Runner.Preparation;

/// <summary>What an Olive recipe made.</summary>
/// <param name="Directory">Directory with the ONNX model.</param>
/// <param name="Command">The command that made it, as it was started.</param>
/// <param name="LogPath">Everything the command wrote.</param>
/// <param name="OutputSha256">SHA-256 over all files of the output.</param>
/// <param name="Seconds">Wall-clock seconds it took.</param>
internal sealed record OliveResult(string Directory, string Command, string LogPath, string OutputSha256, double Seconds);

/// <summary>
/// Runs Microsoft Olive's command on a model source, once per source, recipe and command: the output is kept in the cache with the command
/// line, the log and the hash of all its files. Olive isn't part of this program; it is the user's, found on PATH.
/// </summary>
/// <param name="cacheRoot">Cache root; outputs lie in its <c>olive</c>.</param>
/// <param name="clock">The one clock.</param>
internal sealed class OliveStep(string cacheRoot, TimeProvider clock)
{
    /// <summary>Name of the command.</summary>
    public const string CommandName = "olive";

    private const string RecordFile = "olive.json";
    private const string OutputFolder = "output";
    private const string LogFile = "olive.log";
    private const int LogTailLines = 6;

    private readonly string _root = Path.Combine(Path.GetFullPath(cacheRoot), "olive");

    /// <summary>The command on PATH, or null.</summary>
    public static string? FindCommand()
    {
        string[] names = OperatingSystem.IsWindows() ? ["olive.exe", "olive.cmd", "olive.bat"] : [CommandName];
        return (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries)
            .SelectMany(d => names.Select(n => Path.Combine(d, n)))
            .FirstOrDefault(File.Exists);
    }

    /// <summary>Why a model isn't there where there is no such command.</summary>
    public static UnsupportedException Missing => new(null,
        "the model is made by an Olive recipe, but there is no 'olive' command on PATH: install it (pip install olive-ai) or give a "
            + "directory that Olive wrote as the source");

    /// <summary>Splits a recipe into arguments: by white space, with double quotes around arguments that hold some.</summary>
    /// <param name="recipe">E.g. <c>auto-opt --precision int4</c>.</param>
    /// <exception cref="RequestException">A quote isn't closed.</exception>
    public static ImmutableArray<string> Split(string recipe)
    {
        ArgumentNullException.ThrowIfNull(recipe);
        return CommandText.TrySplit(recipe, out ImmutableArray<string>? arguments)
            ? arguments.Value
            : throw new RequestException($"the Olive recipe '{recipe}' has a quote that isn't closed.");
    }

    /// <summary>Runs a recipe, unless its output is here.</summary>
    /// <param name="command">Path of the command.</param>
    /// <param name="recipe">
    /// Arguments. <c>{source}</c> and <c>{output}</c> stand for the source's path and the directory to write; where they are missing,
    /// <c>--model_name_or_path</c> and <c>--output_path</c> are added.
    /// </param>
    /// <param name="sourcePath">The model source.</param>
    /// <param name="sourceSha256">Its hash.</param>
    /// <param name="cancellationToken">Kills the command; its half output is thrown away.</param>
    /// <exception cref="EngineException">The command failed or wrote no ONNX model.</exception>
    /// <exception cref="StoreException">The cache can't be written.</exception>
    public async Task<OliveResult> RunAsync(string command, string recipe, string sourcePath, string sourceSha256,
        CancellationToken cancellationToken)
    {
        ImmutableArray<string> arguments = Split(recipe);
        string key =
            Convert.ToHexStringLower(
                SHA256.HashData(Encoding.UTF8.GetBytes(string.Join('\n', ["olive-v1", command, sourceSha256, .. arguments]))))[..32];
        string folder = Path.Combine(_root, key);
        try
        {
            Directory.CreateDirectory(_root);
            using FileLock held = await FileLock.TakeAsync(Path.Combine(_root, ".locks", $"{key}.lock"), clock, cancellationToken);
            if (Read(folder) is { } before) return before;
            string temporary = $"{folder}.{Environment.ProcessId}.tmp";
            if (Directory.Exists(temporary)) Directory.Delete(temporary, recursive: true);
            OliveResult made = await MakeAsync(command, arguments, sourcePath, temporary, cancellationToken);
            if (Directory.Exists(folder)) Directory.Delete(folder, recursive: true);
            Directory.Move(temporary, folder);
            // Crash point: the folder is in its place with its record; a crash before leaves only a temporary one, which the next run
            // removes.
            return Rooted(made, folder);
        }
        catch (Exception e) when (DiskFault.Is(e))
        {
            throw DiskFault.Store($"Olive's output can't be kept in {_root}", e,
                "Free space there, or name another place with --cache DIR.");
        }
    }

    private static OliveResult? Read(string folder)
    {
        string path = Path.Combine(folder, RecordFile);
        if (!File.Exists(path)) return null;
        try
        {
            return JsonSerializer.Deserialize<OliveResult>(File.ReadAllBytes(path), Json.Line) is { } found
                && Directory.Exists(Path.Combine(folder, found.Directory)) ? Rooted(found, folder) : null;
        }
        catch (JsonException)
        {
            return null; // Half a record: it is made again.
        }
    }

    // Records hold paths relative to their folder.
    private static OliveResult Rooted(OliveResult result, string folder) =>
        result with { Directory = Path.GetFullPath(Path.Combine(folder, result.Directory)), LogPath = Path.Combine(folder, LogFile) };

    private async Task<OliveResult> MakeAsync(string command, ImmutableArray<string> arguments, string sourcePath, string folder,
        CancellationToken cancellationToken)
    {
        string output = Path.Combine(folder, OutputFolder);
        Directory.CreateDirectory(output);
        List<string> all = [
            .. arguments.Select(a =>
                a.Replace("{source}", sourcePath, StringComparison.Ordinal).Replace("{output}", output, StringComparison.Ordinal))];
        if (!arguments.Any(a => a.Contains("{source}", StringComparison.Ordinal))) all.AddRange(["--model_name_or_path", sourcePath]);
        if (!arguments.Any(a => a.Contains("{output}", StringComparison.Ordinal))) all.AddRange(["--output_path", output]);
        long start = clock.GetTimestamp();
        string log = Path.Combine(folder, LogFile);
        int code = await RunProcessAsync(command, all, log, cancellationToken);
        double seconds = clock.GetElapsedTime(start).TotalSeconds;
        string line = $"{CommandName} {string.Join(' ', arguments)}";
        if (code != 0)
        {
            string kept = $"{folder[..^4]}.failed.log";
            File.Copy(log, kept, overwrite: true);
            string tail = string.Join(" | ", File.ReadLines(log).TakeLast(LogTailLines)).Trim();
            Directory.Delete(folder, recursive: true);
            throw new EngineException($"'{line}' ended with code {code}: {tail}", $"All it wrote is in {kept}.");
        }

        // Newer versions write the model to a folder of its own below the output.
        string relative = new[] { OutputFolder, Path.Combine(OutputFolder, "model") }
            .FirstOrDefault(d =>
                Directory.Exists(Path.Combine(folder, d)) && Directory.EnumerateFiles(Path.Combine(folder, d), "*.onnx").Any())
            ?? throw new EngineException($"'{line}' wrote no ONNX model to its output directory.",
                "Choose a recipe that ends in an ONNX model, e.g. auto-opt or quantize --implementation ... for ONNX.");
        ArtifactContent content = ArtifactContent.Read(output, cancellationToken);
        var result = new OliveResult(relative, line, LogFile, content.Sha256, seconds);
        await File.WriteAllBytesAsync(Path.Combine(folder, RecordFile), JsonSerializer.SerializeToUtf8Bytes(result, Json.Line),
            cancellationToken);
        return result;
    }

    private static async Task<int> RunProcessAsync(string command, List<string> arguments, string logPath,
        CancellationToken cancellationToken)
    {
        var info = new ProcessStartInfo(command)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true
        };
        foreach (string argument in arguments) info.ArgumentList.Add(argument);
        await using var log = new StreamWriter(logPath);
        await log.WriteLineAsync($"$ {command} {string.Join(' ', arguments)}");
        using var gate = new SemaphoreSlim(1);
        Process process;
        try
        {
            process = Process.Start(info) ?? throw new EngineException($"'{command}' can't be started.");
        }
        catch (System.ComponentModel.Win32Exception e)
        {
            throw new EngineException($"'{command}' can't be started: {e.Message}", "Check that it may be executed.", e);
        }

        using (process)
        {
            process.StandardInput.Close();
            try
            {
                Task output = CopyAsync(process.StandardOutput, log, gate, cancellationToken);
                Task error = CopyAsync(process.StandardError, log, gate, cancellationToken);
                await process.WaitForExitAsync(cancellationToken);
                await Task.WhenAll(output, error);
            }
            catch (OperationCanceledException)
            {
                process.Kill(entireProcessTree: true);
                throw;
            }

            return process.ExitCode;
        }
    }

    private static async Task CopyAsync(StreamReader from, StreamWriter to, SemaphoreSlim gate, CancellationToken cancellationToken)
    {
        while (await from.ReadLineAsync(cancellationToken) is { } line)
        {
            await gate.WaitAsync(cancellationToken);
            try
            {
                await to.WriteLineAsync(line);
            }
            finally
            {
                gate.Release();
            }
        }
    }
}
