using System.Diagnostics;
using QuantBench.Core.Errors;

namespace QuantBench.Cli.Composition;

/// <summary>Prints an HTML file to PDF by a Chromium-based browser of this machine.</summary>
internal static class PdfPrinter
{
    private const string Variable = "QUANTBENCH_BROWSER";
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(90);
    private static readonly string[] s_names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "microsoft-edge",
        "chrome"];

    /// <summary>The browser to use, or null: the one that <c>QUANTBENCH_BROWSER</c> names, or the first known one on PATH.</summary>
    public static string? FindBrowser()
    {
        if (Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } named) return named;
        string[] folders = (Environment.GetEnvironmentVariable("PATH") ?? "")
            .Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries);
        string suffix = OperatingSystem.IsWindows() ? ".exe" : "";
        return s_names.SelectMany(n => folders.Select(f => Path.Combine(f, n + suffix))).FirstOrDefault(File.Exists);
    }

    /// <summary>Prints.</summary>
    /// <param name="html">The HTML file.</param>
    /// <param name="pdf">The PDF file to write.</param>
    /// <param name="cancellationToken">Stops the browser.</param>
    /// <exception cref="RequestException">There is no browser, or it failed.</exception>
    public static async Task PrintAsync(string html, string pdf, CancellationToken cancellationToken)
    {
        string browser = FindBrowser()
            ?? throw new RequestException("a PDF needs a browser, and none is on PATH.",
                $"Install Chromium or Chrome, or name one in {Variable}; report.html prints from any browser.");
        string profile = Directory.CreateTempSubdirectory("quantbench-pdf-").FullName;
        try
        {
            var start = new ProcessStartInfo(browser) { RedirectStandardOutput = true, RedirectStandardError = true };
            string[] arguments =
            [
                "--headless", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
                "--disable-component-update", "--disable-sync",
                $"--user-data-dir={profile}", "--no-pdf-header-footer", $"--print-to-pdf={Path.GetFullPath(pdf)}",
                new Uri(Path.GetFullPath(html)).AbsoluteUri,
            ];
            // Chromium's sandbox refuses to work for root; the page is our own and has no scripts.
            if (Environment.IsPrivilegedProcess) start.ArgumentList.Add("--no-sandbox");
            foreach (string argument in arguments) start.ArgumentList.Add(argument);
            using Process process = Process.Start(start) ?? throw new RequestException($"the browser {browser} couldn't be started.");
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            limit.CancelAfter(s_limit);
            Task<string> errors = process.StandardError.ReadToEndAsync(CancellationToken.None);
            Task<string> output = process.StandardOutput.ReadToEndAsync(CancellationToken.None);
            try
            {
                await process.WaitForExitAsync(limit.Token);
            }
            catch (OperationCanceledException)
            {
                process.Kill(entireProcessTree: true);
                cancellationToken.ThrowIfCancellationRequested();
                throw new RequestException($"the browser {browser} didn't finish the PDF within {s_limit.TotalSeconds:0} s.");
            }

            await output;
            string words = (await errors).Trim();
            if (process.ExitCode != 0 || !File.Exists(pdf))
                throw new RequestException($"the browser {browser} made no PDF (exit code {process.ExitCode}): {LastLine(words)}");
        }
        catch (System.ComponentModel.Win32Exception e)
        {
            throw new RequestException($"the browser {browser} couldn't be started: {e.Message}", $"Name another in {Variable}.", e);
        }
        finally
        {
            Directory.Delete(profile, recursive: true);
        }
    }

    private static string LastLine(string text) => text.Split('\n').LastOrDefault(l => l.Trim().Length > 0)?.Trim() ?? "it said nothing";
}
