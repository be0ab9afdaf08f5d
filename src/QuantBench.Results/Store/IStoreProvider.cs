using QuantBench.Core.Errors;

namespace QuantBench.Results.Store;

/// <summary>A database system that can hold a store.</summary>
internal interface IStoreProvider
{
    /// <summary>Its name, e.g. <c>PostgreSQL</c>.</summary>
    string Name { get; }

    /// <summary>Whether an address is one of its own.</summary>
    bool Accepts(string address);

    /// <summary>The database of an address; connects to nothing yet.</summary>
    /// <param name="resultsRoot">Absolute path of the directory of all run folders.</param>
    /// <param name="address">The address.</param>
    /// <exception cref="RequestException">The address can't be read.</exception>
    StoreDatabase Open(string resultsRoot, string address);
}
