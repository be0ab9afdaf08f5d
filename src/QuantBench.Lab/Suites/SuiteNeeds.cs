using System.Collections.Immutable;
using QuantBench.Core.Cells;
using QuantBench.Core.Errors;
using QuantBench.Core.Settings;
using QuantBench.Core.Suites;
using QuantBench.Core.Workloads;

namespace QuantBench.Lab.Suites;

/// <summary>
/// What a suite asks of the machine beyond measuring what lies beside it: commands it starts and files elsewhere that it reads. A suite
/// with any runs from a server only when an admin approved its text. Whatever a suite learns to name in future gets its line here.
/// </summary>
public static class SuiteNeeds
{
    // Settings that name a file.
    private static readonly ImmutableArray<(string Key, string What)> s_files =
        [("trace", "trace"), ("reference_file", "model"), ("inputs", "inputs")];

    /// <summary>The needs, each as part of a sentence; empty for a suite that anybody who may run suites may run.</summary>
    /// <param name="suite">The suite.</param>
    /// <param name="datasetsDirectory">Directory of the installation's texts and models; what lies in it needs nothing.</param>
    public static ImmutableArray<string> Of(Suite suite, string datasetsDirectory)
    {
        ArgumentNullException.ThrowIfNull(suite);
        ArgumentNullException.ThrowIfNull(datasetsDirectory);
        string own = Path.GetDirectoryName(Path.GetFullPath(suite.File)) ?? "/";
        string[] roots =
            [.. ((string[])[own, datasetsDirectory]).Select(r => Real(Path.GetFullPath(r)).TrimEnd(Path.DirectorySeparatorChar))];
        var needs = ImmutableArray.CreateBuilder<string>();
        foreach (SuiteModel model in suite.Models)
        {
            if (model.Olive is { } recipe) needs.Add($"model '{model.Id}' starts the command 'olive {recipe}'");
            if (model.Pull) needs.Add($"model '{model.Id}' has its servers pull models");
            if (model.After == ServedAfter.Delete) needs.Add($"model '{model.Id}' has its servers delete what they pulled");
            if (!model.IsServed && !SuiteModel.IsShape(model.Source) && IsOutside(model.Source))
                needs.Add($"model '{model.Id}' is {model.Source}");
        }

        foreach (SuiteServer server in suite.Servers)
            needs.Add($"server '{server.Id}' starts the command '{string.Join(' ', server.Command)}'");

        foreach (string name in suite.Workloads.Where(w => w.Settings.Has("dataset")).Select(w => w.Settings.Text("dataset"))
            .Append(suite.Imatrix.Dataset).Distinct())
        {
            // A text that is no path is a descriptor's name; one of a file beside the suite is inside.
            if (IsOutside(Path.GetFullPath(name, own))) needs.Add($"it reads the text {name}");
        }

        foreach (string set in suite.Workloads.Where(w => w.Settings.Has("set")).Select(w => w.Settings.Text("set"))
            .Except(TaskSettings.OwnSets))
        {
            if (IsOutside(Path.GetFullPath(set, own))) needs.Add($"it reads the items {set}");
        }

        foreach (string url in suite.Backends.Concat(suite.Workloads.Select(ReferenceBackend)).Select(b => b.Server)
            .Where(a => a is { IsDeclared: false }).Select(a => a!.Url).Distinct()) // filtered
            needs.Add($"it sends requests to the server {url}");
        foreach ((string key, string what) in s_files)
        {
            // Read from where the program was started.
            foreach (string path in suite.Workloads.Where(w => w.Settings.Has(key)).Select(w => w.Settings.Text(key)).Distinct())
            {
                if (path.Length > 0 && path != SettingTable.Get(key).Default as string && IsOutside(Path.GetFullPath(path)))
                    needs.Add($"it reads the {what} {path}");
            }
        }

        return needs.ToImmutable();

        bool IsOutside(string path)
        {
            string real = Real(path) + Path.DirectorySeparatorChar;
            return !roots.Any(root => real.StartsWith(root + Path.DirectorySeparatorChar, StringComparison.Ordinal));
        }
    }

    private static BackendId ReferenceBackend(SuiteWorkload workload) =>
        workload.Settings.Has("reference_backend")
            && BackendId.TryParse(workload.Settings.Text("reference_backend"), out BackendId backend) ? backend : default;

    // Links in the path are followed: a link beside the suite may lead anywhere.
    private static string Real(string path)
    {
        string real = Path.GetPathRoot(path) ?? "";
        foreach (string part in path[real.Length..].Split(Path.DirectorySeparatorChar, StringSplitOptions.RemoveEmptyEntries))
        {
            real = Path.Combine(real, part);
            var link = new FileInfo(real);
            if (link.LinkTarget is not null) real = DiskFault.AsRequest($"{real}: a link that can't be followed", "Mend or remove it.",
                () => link.ResolveLinkTarget(returnFinalTarget: true)?.FullName ?? real);
        }

        return real;
    }
}
