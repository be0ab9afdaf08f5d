using System.Collections.Immutable;
using QuantBench.Core.Cells;
using QuantBench.Core.Yaml;

namespace QuantBench.Core.Suites;

/// <summary>Reads the servers of a suite.</summary>
internal static class ServerReader
{
    /// <summary>Keys of a server with what they hold.</summary>
    public static readonly ImmutableArray<(string Key, string Description)> Keys =
    [
        ("id", "its name; backends name it behind their @"),
        ("command",
            "the program and its arguments: {model}, {port} and {variant} stand for the artifact's path, the port and the variant's id"),
        ("health", "path or address that answers with a status of 2xx once the server is ready; /health when absent"),
        ("port", "its port; 0 or absent = a free one"),
        ("environment", "variables added to those that the server inherits"),
        ("ready_timeout", "how long it may take until it is ready, e.g. 10m"),
    ];

    private const int MostServers = 20;
    private const int LongestCommand = 4096;
    private const int LongestName = 64;
    private const string Example = "e.g. { id: llama, command: \"llama-server -m {model} --port {port}\" }";

    /// <summary>Reads them.</summary>
    /// <param name="value">The list.</param>
    public static ImmutableArray<SuiteServer> Read(SuiteNode value)
    {
        var servers = ImmutableArray.CreateBuilder<SuiteServer>();
        foreach (SuiteNode item in Value.Items(value, "servers", MostServers))
        {
            SuiteMap map = Value.Map(item, "a server");
            var server = new SuiteServer("", []);
            foreach ((SuiteScalar key, SuiteNode part) in map.Entries)
            {
                server = key.Value switch
                {
                    "id" => server with { Id = Id(part, servers) },
                    "command" => server with { Command = Command(part) },
                    "health" => server with { Health = Health(part) },
                    "port" => server with { Port = Port(part) },
                    "environment" => server with { Environment = Variables(Value.Map(part, "'environment'")) },
                    "ready_timeout" => server with { ReadyTimeout = Value.Duration(part, key.Value) },
                    _ => throw Value.UnknownKey(key, Keys.Select(k => k.Key), "keys of a server"),
                };
            }

            if (server.Id.Length == 0) throw map.Error("the server has no 'id'", Example);
            if (server.Command.IsEmpty) throw map.Error($"the server '{server.Id}' has no 'command'", Example);
            bool saysPort = server.Command.Concat(server.Environment.Values)
                .Any(a => a.Contains(SuiteServer.PortMark, StringComparison.Ordinal));
            if (server.Port == 0 && !saysPort)
            {
                throw (map.Find("command") ?? map).Error(
                    $"the server '{server.Id}' is to listen on a free port, but neither its command nor its environment names {{port}}",
                    "write {port} where the program takes it, or give its fixed 'port'");
            }

            servers.Add(server);
        }

        return servers.ToImmutable();
    }

    private static string Id(SuiteNode node, IEnumerable<SuiteServer> before)
    {
        string id = Value.Text(node, "id", LongestName);
        if (!ServerAddress.IsName(id))
        {
            throw node.Error($"the server's id '{id}' doesn't start with a lower-case letter, or has other characters than lower-case "
                + "letters, digits, '-', '_' and '.'", "it becomes part of backends");
        }

        if (before.Any(s => s.Id == id)) throw node.Error($"the server's id '{id}' is used twice", "choose another");
        return id;
    }

    private static ImmutableArray<string> Command(SuiteNode node)
    {
        if (node is SuiteList list)
            return [.. Value.Items(list, "command", 200).Select(a => Value.Text(a, "an argument", LongestCommand))];
        string text = Value.Text(node, "command", LongestCommand);
        return CommandText.TrySplit(text, out ImmutableArray<string>? arguments)
            ? arguments.Value
            : throw node.Error("the command has a quote that isn't closed", "arguments with white space stand between double quotes");
    }

    private static string Health(SuiteNode node)
    {
        string health = Value.Text(node, "health", LongestCommand);
        bool good = health.StartsWith('/') || (Uri.TryCreate(health, UriKind.Absolute, out Uri? uri) && uri.Scheme is "http" or "https");
        return good ? health : throw node.Error($"'health' can't be '{health}'", "a path such as /health, or a whole http address");
    }

    private static int Port(SuiteNode node)
    {
        string text = Value.Text(node, "port", LongestName);
        return int.TryParse(text, out int port) && port is >= 0 and <= 65535
            ? port
            : throw node.Error($"'port' must be a whole number from 0 to 65535, not '{text}'", "0 = a free one");
    }

    private static ImmutableSortedDictionary<string, string> Variables(SuiteMap map)
    {
        var variables = ImmutableSortedDictionary.CreateBuilder<string, string>(StringComparer.Ordinal);
        foreach ((SuiteScalar key, SuiteNode value) in map.Entries)
        {
            if (key.Value.Length == 0 || key.Value.Any(c => !char.IsAsciiLetterOrDigit(c) && c != '_') || char.IsAsciiDigit(key.Value[0]))
                throw key.Error($"'{key.Shortened}' is no name of a variable", "letters, digits and '_', no digit first");
            variables[key.Value] = Value.Text(value, $"'{key.Value}'", LongestCommand);
        }

        return variables.ToImmutable();
    }
}
