using System.Collections.Immutable;
using System.Globalization;
using QuantBench.Core.Errors;
using QuantBench.Core.Metrics;
using QuantBench.Core.Traffic;
using QuantBench.Inference.Servers;
using QuantBench.Inference.Traffic;

namespace QuantBench.Inference.Evaluators;

/// <summary>
/// A server under load. Latencies count from the intended moment of sending, so that a server that makes others wait can't hide it; spans
/// in which this process stood still don't count. Throughput is what came within the measured time, latencies are those of the requests
/// meant to be sent in it. A load generator that can't hold the load gives no figures, and says so.
/// </summary>
public sealed class ServeEvaluator : IWorkloadEvaluator
{
    /// <summary>Id of how loads are made and figures defined; other ids aren't compared.</summary>
    public const string Protocol = "serve-v1";

    /// <inheritdoc/>
    public string Workload => "serve";

    /// <summary>Whether a load generator that lagged behind gives no figures.</summary>
    internal bool ChecksGenerator { get; init; } = true;

    /// <inheritdoc/>
    public Support CanRun(EvaluationContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        return context.Engine is IServerEngine engine ? engine.CanReach(context.Cell.Backend.Device)
            : Support.No($"{context.Engine.Name}: it is no server; {Workload} measures servers");
    }

    /// <inheritdoc/>
    public EvaluationResult Evaluate(EvaluationContext context, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(context);
        if (context.Engine is not IServerEngine engine) throw new UnsupportedException(null, CanRun(context).Reason ?? "");
        TrafficPlan plan = ServePlan.Of(context);
        ServiceObjective? objective = ServiceObjective.Parse(context.Cell.Settings.Text("slo"), out string? wrong);
        if (wrong is not null) throw new RequestException($"slo: {wrong}");
        ImmutableSortedDictionary<string, double> before = context.Machine.Conditions();
        context.Progress.Report(new EvaluationProgress("connect", 0, 0, ""));
        using IServerClient client = engine.Connect(context.ServerDevice ?? context.Cell.Backend.Device,
            new ServerOptions { MostConnections = plan.MostOpen });
        string? wanted = context.Cell.Variant.IsServed ? context.Cell.Variant.Scheme.Name : null;
        ServerIdentity identity = ServerTask.Await(client.InspectAsync(wanted, cancellationToken), cancellationToken);
        if (!context.Cell.Variant.IsServed) identity.CheckRuns(context.Artifact);

        List<string> notes = [.. ServedText.Retries(client)];
        var metrics = ImmutableArray.CreateBuilder<Measurement>();
        var conditions = ImmutableSortedDictionary.CreateBuilder<string, double>(StringComparer.Ordinal);
        using var file = new RequestFile(context);
        string priority = "";
        if (context.Cell.Settings.Text("search") == "off")
        {
            ServerCounters? counted = ServerTask.Await(client.CountAsync(identity, cancellationToken), cancellationToken);
            TrafficLog log = Load(plan, "measure");
            ServerCounters? after = counted is null ? null
                : ServerTask.Await(client.CountAsync(identity, cancellationToken), cancellationToken);
            ServeFigures.CheckServer(log);
            if (ChecksGenerator) ServeFigures.CheckGenerator(log, plan);
            metrics.AddRange(new ServeFigures(log, objective, context.Launches).Measurements(notes));
            ServeFigures.AddConditions(log, conditions);
            var check = new ServerCheck(log);
            metrics.AddRange(check.Measurements());
            notes.AddRange(check.Notes());
            if (counted is not null && after is not null)
            {
                var counters = new CounterCheck(log, after.Since(counted));
                metrics.AddRange(counters.Measurements());
                notes.AddRange(counters.Notes());
                foreach ((string key, double value) in counters.Conditions()) conditions[key] = value;
            }
        }
        else
        {
            // CheckSettings has seen that there is an objective; a cell that was made by hand may lack it.
            var search = new CapacitySearch(plan, objective ?? throw new RequestException("search has no slo to look for."),
                p => Load(p, "search"),
                (log, p) =>
                {
                    if (ChecksGenerator) ServeFigures.CheckGenerator(log, p);
                });
            CapacityResult found = search.Run();
            metrics.AddRange(ServeFigures.Capacity(found, notes));
            ServeFigures.AddProbes(found, context.Launch, conditions);
            foreach (TrafficLog log in found.Probes.Select(p => p.Log)) ServeFigures.AddConditions(log, conditions);
        }

        if (client.Resent > 0)
        {
            conditions["load_resent"] = client.Resent;
            notes.Add($"{client.Resent} requests were sent a second time: the server had closed their kept connections; the time counts");
        }

        EvaluationResult result = Result(context, identity, plan, before, metrics.ToImmutable(), notes, conditions, file.Name);
        return result with { Provenance = result.Provenance.SetItem("load_send_priority", priority) };

        TrafficLog Load(TrafficPlan one, string phase)
        {
            var generator = new TrafficGenerator(client, one, identity.Model, context.Clock,
                (done, open) => context.Progress.Report(new EvaluationProgress(phase, done, 0, $"{open} open")));
            using var watch = new LoadWatch(context);
            TrafficLog log = generator.Run(cancellationToken);
            priority = log.SendPriority;
            watch.Dispose();
            if (watch.Note is { } disturbed) notes.Add(disturbed);
            foreach ((string key, double value) in watch.Conditions)
                conditions[key] = Math.Max(conditions.GetValueOrDefault(key), value);
            file.Add(log, one, watch.Windows);
            return log;
        }
    }

    private static EvaluationResult Result(EvaluationContext context, ServerIdentity identity, TrafficPlan plan,
        ImmutableSortedDictionary<string, double> before, ImmutableArray<Measurement> metrics, List<string> notes,
        ImmutableSortedDictionary<string, double>.Builder conditions, string? file)
    {
        foreach ((string key, double value) in before) conditions[$"before_{key}"] = value;
        foreach ((string key, double value) in context.Machine.Conditions()) conditions[$"after_{key}"] = value;
        var facts = ImmutableSortedDictionary.CreateBuilder<string, string>(StringComparer.Ordinal);
        foreach ((string key, string value) in identity.ToFacts()) facts[key] = value;
        facts["load_protocol"] = Protocol;
        facts["device_used"] = context.Cell.Backend.Device;
        facts["engine_build"] = identity.Server;
        facts["load_generator"] = context.Engine.Build;
        facts["load_seed"] = plan.Seed.ToString(CultureInfo.InvariantCulture);
        if (file is not null) facts["requests_file"] = file;
        return new EvaluationResult
        {
            Metrics = metrics,
            Notes = [.. notes],
            Provenance = facts.ToImmutable(),
            Conditions = conditions.ToImmutable(),
        };
    }
}
