using QuantBench.Core.Errors;
using QuantBench.Inference.Servers;

namespace QuantBench.Engines.Remote.Clients;

/// <summary>
/// A server's API key: from the environment or a file that it names, never from a suite or an address. Each host has variables of its own,
/// so that no key reaches another server than the one it was made for.
/// </summary>
internal sealed class ServerKey
{
    private ServerKey(string value) => Value = value;

    /// <summary>The key.</summary>
    public string Value { get; }

    /// <summary>The key of a server; null when nothing names one.</summary>
    /// <param name="address">Its address. <c>http://my-host:8080</c> has <c>QUANTBENCH_KEY_MY_HOST_8080</c>, else
    /// <c>QUANTBENCH_KEY_MY_HOST</c>; either with <c>_FILE</c> behind names a file.</param>
    /// <param name="environment">Reads a variable.</param>
    /// <exception cref="EngineException">The file can't be read, or the key isn't one.</exception>
    public static ServerKey? Of(Uri address, Func<string, string?> environment)
    {
        string host = ServerKeys.Prefix
            + string.Concat(address.Host.Select(c => char.IsAsciiLetterOrDigit(c) ? char.ToUpperInvariant(c) : '_'));
        foreach (string name in (string[])[$"{host}_{address.Port}", host])
        {
            if (environment(name) is { Length: > 0 } value) return Checked(value, name);
            if (environment(name + ServerKeys.FileSuffix) is not { Length: > 0 } path) continue;
            try
            {
                return Checked(File.ReadAllText(path), $"the file that {name}{ServerKeys.FileSuffix} names");
            }
            catch (Exception e) when (DiskFault.Is(e))
            {
                throw new EngineException($"the file that {name}{ServerKeys.FileSuffix} names can't be read: {e.Message}",
                    "Mend the variable, or the file's rights.");
            }
        }

        return null;
    }

    /// <summary>A text without the key in it.</summary>
    /// <param name="text">Whatever a server said.</param>
    public string Hide(string text) =>
        Value.Length < ServerKeys.ShortestHidden ? text : text.Replace(Value, ServerKeys.Hidden, StringComparison.Ordinal);

    /// <inheritdoc/>
    public override string ToString() => ServerKeys.Hidden;

    private static ServerKey Checked(string text, string where)
    {
        string value = text.Trim();
        return value.Length > 0 && value.All(c => c is > ' ' and < (char)127) ? new ServerKey(value)
            : throw new EngineException($"{where} holds no key: a key is one word of ASCII characters.");
    }
}
