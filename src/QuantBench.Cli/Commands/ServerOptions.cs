using System.CommandLine;
using System.Net;
using QuantBench.Analysis.Plots;
using QuantBench.Cli.Composition;
using QuantBench.Core.Errors;
using QuantBench.Dashboard;
using QuantBench.Dashboard.Hosting;
using QuantBench.Lab;
using QuantBench.Lab.Queue;
using QuantBench.Results.Folders;
using QuantBench.Results.Store;
using QuantBench.Runner.Workers;

namespace QuantBench.Cli.Commands;

/// <summary>What <c>dashboard</c> and <c>serve</c> share.</summary>
internal sealed class ServerOptions
{
    private readonly Option<int> _port = NumberOption.Whole("--port", 0, 65_535, DashboardOptions.DefaultPort);
    private readonly Option<string?> _listen = new(
        "--listen")
    {
        Description = "address to listen on (default: what the Settings page says, else this machine only); needs accounts",
        HelpName = "ADDRESS"
    };
    private readonly Option<string[]> _hosts = new("--host")
    {
        Description = "host name it answers to; repeat for more",
        HelpName = "NAME"
    };
    private readonly Option<string?> _certificate = new("--tls-cert") { Description = "PEM file of a TLS certificate", HelpName = "FILE" };
    private readonly Option<string?> _key = new("--tls-key") { Description = "PEM file of its key", HelpName = "FILE" };
    private readonly Option<bool> _login = new("--login-to-read") { Description = "readers need an account too; always so with --listen" };
    private readonly Option<bool> _public = new(
        "--public-reading")
    { Description = "with --listen: anybody may read, changes need an account" };
    private readonly Option<string?> _suites = new("--suites")
    {
        Description = "directory of suites (default: suites/ of the installation)",
        HelpName = "DIR"
    };

    public void AddTo(Command command)
    {
        _port.Description = $"port (default: {DashboardOptions.DefaultPort}; 0 = any free one)";
        foreach (Option option in (Option[])[_port, _listen, _hosts, _certificate, _key, _login, _public, _suites])
            command.Options.Add(option);
    }

    /// <summary>Runs the server until Ctrl-C.</summary>
    public async Task<int> RunAsync(ParseResult parsed, GlobalOptions global, bool scheduler, CancellationToken stop)
    {
        RunnerEnvironment environment = global.Environment(parsed);
        TextWriter output = parsed.InvocationConfiguration.Output;
        // The command line goes before what an admin saved on the Settings page.
        IPAddress address = parsed.GetValue(_listen) is { } listen ? Address(listen)
            : ServerSettings.ListenOf(environment.ResultsRoot, environment.Store) ?? IPAddress.Loopback;
        if (parsed.GetValue(_certificate) is null != parsed.GetValue(_key) is null)
            throw new RequestException("--tls-cert and --tls-key belong together.", "Give both PEM files.");
        var lab = new LabAccess(environment);
        lab.Approvals.ApproveEarlier(lab.Schedules.List(), environment.Engines.Catalog);
        var options = new DashboardOptions
        {
            Lab = new LabOptions
            {
                ResultsRoot = environment.ResultsRoot,
                Store = environment.Store,
                CacheRoot = environment.CacheRoot,
                DatasetsDirectory = environment.DatasetsDirectory,
                Engines = environment.Engines.Catalog,
                SuitesDirectory = Path.GetFullPath(parsed.GetValue(_suites) ?? Path.Combine(environment.Root, "suites")),
            },
            Version = Installation.Version,
            Address = address,
            Port = parsed.GetValue(_port),
            HostNames = parsed.GetValue(_hosts) ?? [],
            CertificateFile = parsed.GetValue(_certificate),
            CertificateKeyFile = parsed.GetValue(_key),
            LoginToRead = parsed.GetValue(_login),
            PublicReading = parsed.GetValue(_public),
            Launcher = scheduler ? new SuiteRunLauncher(environment, lab.Approvals, WriteReport,
                new ScheduledConfirmation(environment).ConfirmAsync) : null,
        };
        using var pen = new PlotProcess(Installation.DrawCommand.FileName, Installation.DrawCommand.Arguments, environment.Clock);
        PlotPen.Use(pen);
        await using DashboardHost host = await DashboardHost.StartAsync(options, stop);
        output.WriteLine($"dashboard: {host.Address}");
        output.WriteLine($"results:   {environment.ResultsRoot}{(scheduler ? $"   scheduler: {host.Scheduler}" : "")}");
        if (DatabaseHome.IsReaders(environment.ResultsRoot))
        {
            output.WriteLine("note: this account may not write to the results; its own index of them is in "
                + DatabaseHome.Of(environment.ResultsRoot));
        }

        if (!environment.Store.IsDefault) output.WriteLine($"store:     {host.StoreLocation}");
        if (host.BootstrapCode is { } code)
            output.WriteLine($"first admin (only needed to change things): {host.Address}/setup?code={code}");
        if (!options.IsLocal && options.CertificateFile is null)
            output.WriteLine("warning: without --tls-cert passwords cross the network unencrypted; put a TLS proxy in front.");
        output.WriteLine("Ctrl-C stops it.");
        await host.WaitAsync(stop);
        return ExitCode.Ok;
    }

    private static IPAddress Address(string text) => ServerSettings.ReadAddress(text)
        ?? throw new RequestException($"'{text}' is not an IP address.", "E.g. --listen 0.0.0.0 for every address of this machine.");

    private static void WriteReport(string folder) => Reporting.Write(RunFolder.ReadRecord(folder), folder);
}
