using System.Net;
using QuantBench.Lab;
using QuantBench.Lab.Queue;

namespace QuantBench.Dashboard.Hosting;

/// <summary>What the dashboard shows and where it listens.</summary>
public sealed record DashboardOptions
{
    /// <summary>Port when none is given.</summary>
    public const int DefaultPort = 5080;

    /// <summary>Where results, suites and artifacts lie.</summary>
    public required LabOptions Lab { get; init; }

    /// <summary>Version of this program.</summary>
    public required string Version { get; init; }

    /// <summary>Address to listen on; loopback unless told otherwise.</summary>
    public IPAddress Address { get; init; } = IPAddress.Loopback;

    /// <summary>Port to listen on; 0 = any free one.</summary>
    public int Port { get; init; } = DefaultPort;

    /// <summary>Host names it answers to beside the loopback ones, when it listens publicly; <c>*</c> = any.</summary>
    public IReadOnlyList<string> HostNames { get; init; } = [];

    /// <summary>PEM file of the TLS certificate; null = plain HTTP.</summary>
    public string? CertificateFile { get; init; }

    /// <summary>PEM file of the certificate's key.</summary>
    public string? CertificateKeyFile { get; init; }

    /// <summary>Whether readers need a login. Always so when it listens publicly, unless <see cref="PublicReading"/>.</summary>
    public bool LoginToRead { get; init; }

    /// <summary>Whether anybody may read although it listens publicly.</summary>
    public bool PublicReading { get; init; }

    /// <summary>Starts queued runs; null = pages only, no scheduler.</summary>
    public IRunLauncher? Launcher { get; init; }

    /// <summary>Largest upload.</summary>
    public long UploadBytes { get; init; } = 256L << 20;

    /// <summary>Logins that one address may try in a minute.</summary>
    public int LoginsPerMinute { get; init; } = 10;

    /// <summary>Changes that one address may make in a minute.</summary>
    public int ChangesPerMinute { get; init; } = 120;

    /// <summary>The one clock.</summary>
    public TimeProvider Clock { get; init; } = TimeProvider.System;

    /// <summary>Whether only this machine can reach it.</summary>
    public bool IsLocal => IPAddress.IsLoopback(Address);

    /// <summary>Whether reading needs a login.</summary>
    public bool ReadingNeedsLogin => LoginToRead || (!IsLocal && !PublicReading);
}
