using Microsoft.Extensions.DependencyInjection;
using QuantBench.Dashboard.Drawing;
using QuantBench.Dashboard.Figures;
using QuantBench.Dashboard.Hosting;
using QuantBench.Dashboard.Queries;
using QuantBench.Lab.Reviews;
using QuantBench.Lab.Settings;
using QuantBench.Results.Reading;
using QuantBench.Results.Store;

namespace QuantBench.Dashboard;

/// <summary>Registers what pages ask.</summary>
internal static class QueryServices
{
    public static void AddDashboardQueries(this IServiceCollection services)
    {
        services.AddSingleton<DrawingQueue>().AddSingleton<StoreCache>().AddSingleton<StoredRuns>();
        services.AddSingleton(s => new RunReader(s.GetRequiredService<ResultStore>()));
        services.AddSingleton<RunQueries>().AddSingleton<MachineQueries>().AddSingleton<ModelQueries>()
            .AddSingleton<SuiteQueries>().AddSingleton<LeaderQueries>();
        services.AddSingleton<OverviewQueries>().AddSingleton<DecisionQueries>().AddSingleton<TrendQueries>()
            .AddSingleton<ComparisonQueries>().AddSingleton<FigureSource>();
        services.AddSingleton<ManyComparisonQueries>().AddSingleton<TrendPanelQueries>().AddSingleton<FingerprintQueries>();
        services.AddSingleton<ChangeReviews>().AddSingleton<LabSettings>().AddSingleton<ServerSettings>();
        services.AddSingleton<ReviewCounter>().AddHostedService(s => s.GetRequiredService<ReviewCounter>()).AddSingleton<RetentionSweeper>()
            .AddHostedService(s => s.GetRequiredService<RetentionSweeper>());
        services.AddHostedService<QueryWarmUp>();
    }
}
