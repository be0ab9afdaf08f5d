using Microsoft.Extensions.DependencyInjection;
using QuantBench.Dashboard.Figures;
using QuantBench.Dashboard.Hosting;
using QuantBench.Lab.Reviews;
using QuantBench.Lab.Settings;

namespace QuantBench.Dashboard.Queries;

/// <summary>Registers what pages ask.</summary>
internal static class QueryServices
{
    public static void AddDashboardQueries(this IServiceCollection services)
    {
        services.AddSingleton<StoreCache>().AddSingleton<RunQueries>().AddSingleton<MachineQueries>().AddSingleton<ModelQueries>()
            .AddSingleton<SuiteQueries>();
        services.AddSingleton<OverviewQueries>().AddSingleton<DecisionQueries>().AddSingleton<TrendQueries>()
            .AddSingleton<ComparisonQueries>().AddSingleton<FigureSource>();
        services.AddSingleton<ManyComparisonQueries>().AddSingleton<TrendPanelQueries>().AddSingleton<FingerprintQueries>();
        services.AddSingleton<ChangeReviews>().AddSingleton<LabSettings>().AddSingleton<ServerSettings>();
        services.AddSingleton<ReviewCounter>().AddHostedService(s => s.GetRequiredService<ReviewCounter>()).AddSingleton<RetentionSweeper>()
            .AddHostedService(s => s.GetRequiredService<RetentionSweeper>());
        services.AddHostedService<QueryWarmUp>();
    }
}
