using Microsoft.Extensions.DependencyInjection;
using QuantBench.Dashboard.Figures;

namespace QuantBench.Dashboard.Queries;

/// <summary>Registers what pages ask.</summary>
internal static class QueryServices
{
    public static void AddDashboardQueries(this IServiceCollection services)
    {
        services.AddSingleton<StoreCache>().AddSingleton<RunQueries>().AddSingleton<MachineQueries>().AddSingleton<ModelQueries>().AddSingleton<SuiteQueries>();
        services.AddSingleton<OverviewQueries>().AddSingleton<DecisionQueries>().AddSingleton<TrendQueries>().AddSingleton<ComparisonQueries>().AddSingleton<FigureSource>();
        services.AddHostedService<QueryWarmUp>();
    }
}
