using QuantBench.Core.Errors;
using QuantBench.Results.Folders;
using QuantBench.Results.Store;

namespace QuantBench.Dashboard.Queries;

/// <summary>Adds run folders that the store doesn't know: copied here, or recorded while the store couldn't be written.</summary>
internal static class StoreCatchUp
{
    /// <summary>Compares folders with the store; reads only folders that are missing or have other counts.</summary>
    /// <param name="store">The store.</param>
    /// <returns>Number of runs added or renewed.</returns>
    public static int Run(ResultStore store)
    {
        using StoreContext context = store.OpenContext();
        Dictionary<string, string> known = context.Runs.Select(r => new { r.Id, r.Status }).ToDictionary(r => r.Id, r => r.Status);
        int renewed = 0;
        foreach (RunEntry entry in new RunCatalog(store.Root).List())
        {
            if (entry.Info is not { } info) continue;
            string status = info.Status.ToString().ToLowerInvariant();
            // A run that goes on is renewed by its runner; one that both call completed is whole.
            if (known.TryGetValue(info.Id, out string? have) && have == status && status == "completed") continue;
            try
            {
                using RunFolder folder = RunFolder.OpenReadOnly(entry.Path);
                store.IndexWhole(info, entry.Path, folder.ReadCells());
                renewed++;
            }
            catch (StoreException)
            {
                // A broken folder is listed as broken by 'quantbench results list'; the others are shown.
            }
        }

        return renewed;
    }
}
