using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Components.Server;
using Microsoft.AspNetCore.DataProtection;
using Microsoft.AspNetCore.HostFiltering;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Console;
using QuantBench.Core.Errors;
using QuantBench.Dashboard.Accounts;
using QuantBench.Dashboard.Api;
using QuantBench.Dashboard.Hosting;
using QuantBench.Dashboard.Live;
using QuantBench.Dashboard.Queries;
using QuantBench.Lab.Accounts;
using QuantBench.Lab.Agents;
using QuantBench.Lab.Alerts;
using QuantBench.Lab.Artifacts;
using QuantBench.Lab.Notes;
using QuantBench.Lab.Queue;
using QuantBench.Lab.Runs;
using QuantBench.Lab.Schedules;
using QuantBench.Lab.State;
using QuantBench.Lab.Suites;
using QuantBench.Lab.Telemetry;
using QuantBench.Results.Exchange;
using QuantBench.Results.Store;

namespace QuantBench.Dashboard;

/// <summary>The dashboard as a web server: pages, API and, when asked, the scheduler.</summary>
public sealed class DashboardHost : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly ResultStore _store;
    private readonly LabDatabase _lab;

    private DashboardHost(WebApplication app, ResultStore store, LabDatabase lab) => (_app, _store, _lab) = (app, store, lab);

    /// <summary>Address it answers on, e.g. <c>http://localhost:5080</c>.</summary>
    public string Address { get; private set; } = "";

    /// <summary>Code for the page that makes the first admin; null when there are accounts.</summary>
    public string? BootstrapCode { get; private set; }

    /// <summary>Where the store's database is, without a password.</summary>
    public string StoreLocation => _store.Location;

    /// <summary>Its services, for tests.</summary>
    internal IServiceProvider Services => _app.Services;

    /// <summary>Starts the server.</summary>
    /// <param name="options">What to show and where to listen.</param>
    /// <param name="cancellationToken">Stops starting.</param>
    /// <exception cref="RequestException">It would listen publicly without accounts, or the port is taken.</exception>
    /// <exception cref="StoreException">The results can't be opened.</exception>
    public static async Task<DashboardHost> StartAsync(DashboardOptions options, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(options);
        LabDatabase lab = LabDatabase.Open(options.Lab.ResultsRoot, options.Lab.Store);
        var accounts = new AccountStore(lab);
        if (!options.IsLocal && !accounts.Any())
        {
            throw new RequestException(
                $"refused to listen on {options.Address} without accounts: anybody who reaches this machine could use it.",
                "Make an admin first: quantbench accounts add NAME --role admin. Without --listen only this machine can reach it.");
        }

        ResultStore store = ResultStore.Open(options.Lab.ResultsRoot, options.Lab.Store);
        WebApplication? app = null;
        try
        {
            if (!DatabaseHome.IsReaders(store.Root)) RunImport.RemoveLeftovers(store.Root);
            store.CatchUp();
            app = Build(options, lab, store);
            await app.StartAsync(cancellationToken);
            var host = new DashboardHost(app, store, lab)
            { BootstrapCode = accounts.Any() ? null : app.Services.GetRequiredService<Bootstrap>().Code };
            host.Address = host.ReadAddress(options);
            return host;
        }
        catch (Exception e) when (Listening(e) is not null)
        {
            if (app is not null) await app.DisposeAsync();
            store.Dispose();
            SocketError fault = Listening(e)!.SocketErrorCode; // matched above
            throw new RequestException($"can't listen on {options.Address}:{options.Port}: {Listening(e)!.Message}",
                fault == SocketError.AddressNotAvailable
                    ? "That is no address of this machine. Give one with --listen (it goes before the Settings page's), or 0.0.0.0 for all."
                    : "Choose another port with --port, or 0 for any free one.", e);
        }
        catch
        {
            if (app is not null) await app.DisposeAsync();
            store.Dispose();
            throw;
        }
    }

    /// <summary>What it does about the queue, in words.</summary>
    public string Scheduler => _app.Services.GetRequiredService<SchedulerState>().Text;

    /// <summary>Waits until the token is cancelled, then stops.</summary>
    /// <param name="cancellationToken">Stops the server.</param>
    /// <exception cref="InvalidOperationException">It ended by itself: some background work threw.</exception>
    public async Task WaitAsync(CancellationToken cancellationToken)
    {
        var stopped = new TaskCompletionSource();
        await using CancellationTokenRegistration registration = cancellationToken.Register(() => stopped.TrySetResult());
        await using CancellationTokenRegistration ended = _app.Lifetime.ApplicationStopping.Register(() => stopped.TrySetResult());
        await stopped.Task;
        await _app.StopAsync(CancellationToken.None);
        Exception? cause = _app.Services.GetServices<IHostedService>().OfType<BackgroundService>()
            .Select(s => s.ExecuteTask?.Exception?.GetBaseException()).FirstOrDefault(e => e is not null);
        if (cause is not null) throw new InvalidOperationException($"the server ended by itself: {cause.Message}", cause);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _app.DisposeAsync();
        _store.Dispose();
        _lab.Dispose();
    }

    private static WebApplication Build(DashboardOptions options, LabDatabase lab, ResultStore store)
    {
        WebApplicationBuilder builder =
            WebApplication.CreateEmptyBuilder(
                new WebApplicationOptions { ApplicationName = typeof(DashboardHost).Assembly.GetName().Name });
        builder.Configuration.AddInMemoryCollection(Traces.Variables());
        builder.WebHost.UseKestrelCore().UseKestrelHttpsConfiguration().ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxRequestBodySize = 1 << 20; // uploads raise it for themselves
            kestrel.Listen(options.Address, options.Port, listen =>
            {
                if (options.CertificateFile is not null) listen.UseHttps(ReadCertificate(options));
            });
        });
        builder.Logging.AddSimpleConsole(console => console.SingleLine = true).SetMinimumLevel(LogLevel.Warning);
        builder.Services.Configure<ConsoleLoggerOptions>(console => console.LogToStandardErrorThreshold = LogLevel.Trace);
        // Kestrel reports a taken port by exception as well; the command prints that one. What ends a host is critical.
        builder.Logging.AddFilter("Microsoft.Extensions.Hosting.Internal.Host", LogLevel.Critical)
            .AddFilter("Microsoft.AspNetCore.Server.Kestrel", LogLevel.Critical)
            .AddFilter("Microsoft.AspNetCore.DataProtection", LogLevel.Error).AddFilter("Hangfire", LogLevel.Warning);
        Register(builder.Services, options, lab, store);
        WebApplication app = builder.Build();
        app.UseHostFiltering();
        app.UseSecurityHeaders(options.CertificateFile is not null);
        app.UsePlainRequests();
        app.UseExceptionHandler("/error", createScopeForErrors: true);
        app.UseResponseCompression();
        app.UseByteUnits();
        app.UseRouting();
        app.UseAuthentication();
        app.UseRateLimiter();
        app.UseAuthorization();
        app.UseAntiforgery();
        EmbeddedAssets.Map(app);
        DashboardApi.Map(app);
        PageActions.Map(app);
        app.MapRazorComponents<App>().AddInteractiveServerRenderMode(o => o.ContentSecurityFrameAncestorsPolicy = null)
            .RequireAuthorization(Policies.Read);
        // What matches nothing is the same to everybody: the page that says so.
        app.MapFallback(() =>
            new RazorComponentResult<App> { StatusCode = StatusCodes.Status404NotFound, PreventStreamingRendering = true })
            .AllowAnonymous();
        return app;
    }

    private static void Register(IServiceCollection services, DashboardOptions options, LabDatabase lab, ResultStore store)
    {
        services.AddRouting();
        services.AddSingleton(options).AddSingleton(options.Lab).AddSingleton(options.Clock).AddSingleton(lab).AddSingleton(store);
        services.AddSingleton<AuditLog>().AddSingleton<RunRemover>().AddSingleton<ScheduleStore>().AddSingleton<OccurrenceStore>()
            .AddSingleton<RunNotes>().AddSingleton<ArtifactCatalog>();
        services.AddSingleton(s => new SuiteApprovals(lab, s.GetRequiredService<AuditLog>(), options.Clock,
            options.Lab.DatasetsDirectory ?? Path.Combine(options.Lab.SuitesDirectory, "..", "datasets")));
        services.AddSingleton<LabPause>().AddSingleton<MachineStore>().AddSingleton<JobStore>()
            .AddSingleton<ResultTaker>().AddSingleton<JobSignal>().AddSingleton<JobPlanner>().AddSingleton<AlertStore>()
            .AddSingleton<ModelShelf>()
            .AddSingleton(LeaseTimes.Of(Environment.GetEnvironmentVariable(LeaseTimes.Variable)));
        services.AddSingleton<AccountStore>().AddSingleton<ApiKeyStore>().AddSingleton<Bootstrap>().AddSingleton<OneLook>();
        services.AddDashboardQueries();
        services.AddSingleton<ResultWatcher>().AddHostedService(s => s.GetRequiredService<ResultWatcher>());
        if (options.Launcher is { } launcher)
        {
            services.AddSingleton(launcher).AddSingleton<LabServer>().AddHostedService(s => s.GetRequiredService<LabServer>());
            services.AddSingleton<IAlertSource, LabAlerts>().AddSingleton<IAlertSource, RegressionAlerts>().AddSingleton<AlertRound>()
                .AddHostedService<AlertWatch>();
        }

        services.AddSingleton<SchedulerState>();

        services.AddRazorComponents().AddInteractiveServerComponents();
        services.Configure<CircuitOptions>(o => o.DisconnectedCircuitRetentionPeriod = TimeSpan.FromMinutes(1));
        services.AddHttpContextAccessor();
        services.AddAccounts(options);
        services.AddRateLimits(options);
        services.AddAntiforgery(o =>
        {
            o.Cookie.Name = "qb-form";
            o.Cookie.HttpOnly = true;
            o.Cookie.SameSite = SameSiteMode.Strict;
            o.Cookie.SecurePolicy = options.CertificateFile is null ? CookieSecurePolicy.SameAsRequest : CookieSecurePolicy.Always;
        });
        services.AddDataProtection().SetApplicationName("QuantBench")
            .PersistKeysToFileSystem(KeyFolder(DatabaseHome.Of(options.Lab.ResultsRoot)));
        services.AddResponseCompression(o =>
            o.MimeTypes = ["text/html", "text/css", "text/javascript", "image/svg+xml", "application/json", "text/csv"]);
        services.AddProblemDetails();
        DashboardApi.Register(services, options.Version);
        // Names that lead here by a foreign DNS record are refused, so no web site can read a local dashboard through its visitors'
        // browsers.
        string[] hosts = options.IsLocal ? ["localhost", "127.0.0.1", "[::1]", .. options.HostNames]
            : options.HostNames.Count > 0 ? ["localhost", "127.0.0.1", "[::1]", .. options.HostNames] : ["*"];
        services.Configure<HostFilteringOptions>(o => o.AllowedHosts = hosts);
        services.AddHostFiltering(o => o.AllowEmptyHosts = false);
    }

    private static DirectoryInfo KeyFolder(string resultsRoot)
    {
        string path = Path.Combine(resultsRoot, ".keys");
        // Logins and forms survive a restart; nobody else on the machine reads the keys.
        return OperatingSystem.IsWindows()
            ? Directory.CreateDirectory(path)
            : Directory.CreateDirectory(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
    }

    private static X509Certificate2 ReadCertificate(DashboardOptions options)
    {
        try
        {
            return X509Certificate2.CreateFromPemFile(options.CertificateFile!, options.CertificateKeyFile); // only called with one
        }
        catch (Exception e) when (e is CryptographicException || DiskFault.Is(e))
        {
            throw new RequestException($"the certificate {options.CertificateFile} can't be read: {e.Message}",
                "Give PEM files: --tls-cert CERT.pem --tls-key KEY.pem.", e);
        }
    }

    // However deep the server wraps it.
    private static SocketException? Listening(Exception? e)
    {
        while (e is not null and not SocketException) e = e.InnerException;
        return e as SocketException;
    }

    private string ReadAddress(DashboardOptions options)
    {
        string bound = _app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()?.Addresses.FirstOrDefault()
            ?? $"http://localhost:{options.Port}";
        var uri = new Uri(bound);
        return $"{uri.Scheme}://{(options.IsLocal && options.Address.Equals(IPAddress.Loopback) ? "localhost" : uri.Host)}:{uri.Port}";
    }
}
