using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Security.Cryptography;
using QuantBench.Core;
using QuantBench.Core.Errors;
using QuantBench.Core.Runs;
using QuantBench.Results.Exchange;
using QuantBench.Results.Folders;

namespace QuantBench.Lab.Agents.Edge;

/// <summary>What became of a run that was to be sent.</summary>
public enum SyncOutcome
{
    /// <summary>The server has it now.</summary>
    Sent,

    /// <summary>The server had the same content.</summary>
    Known,

    /// <summary>The server refused it.</summary>
    Refused,
}

/// <summary>
/// Sends whole runs of this machine to a server: as bundles, whose bytes follow from their content, in parts, from where the server has
/// them. What was sent once isn't sent again; where that was forgotten the server knows it.
/// </summary>
/// <param name="link">The way to the server.</param>
/// <param name="resultsRoot">Directory of all run folders.</param>
/// <param name="server">The server, as it is remembered.</param>
/// <param name="clock">The one clock.</param>
public sealed class RunSync(AgentLink link, string resultsRoot, Uri server, TimeProvider clock)
{
    private const string Remembered = ".synced";
    private const int PartBytes = 8 << 20;
    private const int MostTries = 8;

    private static readonly TimeSpan s_pause = TimeSpan.FromSeconds(1);

    /// <summary>Sends runs.</summary>
    /// <param name="runs">Ids or beginnings of ids; empty = every whole run that was made here.</param>
    /// <param name="told">Told each run, what became of it, and why.</param>
    /// <param name="cancellationToken">Stops; what is on the server stays there.</param>
    /// <exception cref="RequestException">There is no such run.</exception>
    /// <exception cref="KeyException">The server doesn't let this key send runs.</exception>
    /// <exception cref="HttpRequestException">The server can't be reached; the same command goes on.</exception>
    public async Task SendAsync(IReadOnlyCollection<string> runs, Action<string, SyncOutcome, string?> told,
        CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(runs);
        ArgumentNullException.ThrowIfNull(told);
        var catalog = new RunCatalog(resultsRoot);
        RunEntry[] entries = runs.Count > 0 ? [.. runs.Select(catalog.Find)]
            : [.. catalog.List().Where(e => e.Info?.Status == RunStatus.Completed && !RunFolder.IsImported(e.Path)).Reverse()];
        HashSet<string> sent = ReadRemembered();
        foreach (RunEntry entry in entries)
        {
            string temporary = Path.Combine(resultsRoot, RunImport.StagingName(".zip"));
            try
            {
                string line;
                string sha256;
                using (FileStream bundle = DiskFault.AsStore($"{temporary}: can't be made", null,
                    () => new FileStream(temporary, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.None)))
                {
                    RunBundle.Write(entry.Path, bundle);
                    bundle.Position = 0;
                    sha256 = Convert.ToHexStringLower(await SHA256.HashDataAsync(bundle, cancellationToken));
                    line = $"{server} {entry.Id} {sha256}";
                    if (runs.Count == 0 && sent.Contains(line)) continue;
                    bool known = await SendAsync(bundle, sha256, cancellationToken);
                    told(entry.Id, known ? SyncOutcome.Known : SyncOutcome.Sent, null);
                }

                File.AppendAllText(Path.Combine(resultsRoot, Remembered), line + "\n");
            }
            catch (RequestException e)
            {
                told(entry.Id, SyncOutcome.Refused, e.Explanation); // this run's fault: the others go
            }
            finally
            {
                if (File.Exists(temporary)) File.Delete(temporary);
            }
        }
    }

    // Whether the server had it.
    private async Task<bool> SendAsync(FileStream bundle, string sha256, CancellationToken cancellationToken)
    {
        byte[] part = new byte[PartBytes];
        for (int tries = 0; ;)
        {
            try
            {
                using HttpResponseMessage asked = await link.SendAsync(HttpMethod.Get, $"uploads/{sha256}", null, cancellationToken);
                long offset = (await asked.Content.ReadFromJsonAsync<There>(Json.Line, cancellationToken))?.Bytes ?? 0;
                while (true)
                {
                    bundle.Position = Math.Min(offset, bundle.Length);
                    int got = await bundle.ReadAtLeastAsync(part, PartBytes, throwOnEndOfStream: false, cancellationToken);
                    using var content = new ByteArrayContent(part, 0, got);
                    content.Headers.ContentType = new MediaTypeHeaderValue("application/octet-stream");
                    string path = string.Create(CultureInfo.InvariantCulture, $"uploads/{sha256}?offset={offset}&total={bundle.Length}");
                    using HttpResponseMessage response = await link.SendAsync(HttpMethod.Put, path, content, cancellationToken,
                        TimeSpan.FromMinutes(2));
                    tries = 0;
                    Taken? taken = await response.Content.ReadFromJsonAsync<Taken>(Json.Line, cancellationToken);
                    if (taken?.Run is not null) return response.StatusCode == HttpStatusCode.OK;
                    offset = taken?.Bytes ?? 0;
                }
            }
            catch (HttpRequestException) when (++tries < MostTries)
            {
                await Task.Delay(s_pause * Math.Pow(2, tries), clock, cancellationToken);
            }
        }
    }

    private HashSet<string> ReadRemembered()
    {
        string file = Path.Combine(resultsRoot, Remembered);
        return File.Exists(file) ? [.. File.ReadAllLines(file)] : [];
    }

    private sealed record There(long Bytes);

    private sealed record Taken(string? Run, bool AlreadyThere, long? Bytes);
}
