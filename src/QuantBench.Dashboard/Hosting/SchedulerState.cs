using Microsoft.Extensions.DependencyInjection;
using QuantBench.Lab.Queue;

namespace QuantBench.Dashboard.Hosting;

/// <summary>What this server does about the queue.</summary>
/// <param name="services">Has the scheduler, where there is one.</param>
internal sealed class SchedulerState(IServiceProvider services)
{
    /// <summary>Whether this server starts queued runs now.</summary>
    public bool IsOn => Server is { IsActive: true };

    /// <summary><c>off</c>, <c>on</c> or <c>standby</c>.</summary>
    public string Word => Server is not { } server ? "off" : server.IsActive ? "on" : "standby";

    /// <summary>The same for people, with who runs the queue instead.</summary>
    public string Text => Server is not { } server ? "off: pages only"
        : server.IsActive ? "on" : $"standby: {server.Holder ?? "another server"} runs the queue, and this one takes over when it ends";

    private LabServer? Server => services.GetService<LabServer>();
}
