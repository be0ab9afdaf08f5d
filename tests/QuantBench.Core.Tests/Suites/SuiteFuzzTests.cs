using System.Globalization;
using System.Text;
using QuantBench.Core.Errors;
using QuantBench.Core.Suites;
using QuantBench.TestKit;

namespace QuantBench.Core.Tests.Suites;

/// <summary>
/// 10,000 mutated suites (another number: QUANTBENCH_FUZZ_SUITES), always the same ones: each is read, or refused with file, line and
/// column. A suite that ends the reader in another way would keep a server from starting.
/// </summary>
public sealed class SuiteFuzzTests
{
    private static readonly int s_mutations = int.Parse(
        Environment.GetEnvironmentVariable("QUANTBENCH_FUZZ_SUITES") ?? "10000", NumberStyles.None, CultureInfo.InvariantCulture);

    private static readonly string[] s_values =
    [
        "null", "~", "", "0", "-1", "1e308", ".inf", ".nan", "99999999999999999999", "true", "''", "[]", "{}", "[[]]", "{ a: }",
        "&a [*a]", "*a",
        "!!binary x", "!!int x", "|", ">", "%", "@daily", "H H * * *", "0 0 30 2 *", "* * * * * * *", "99 99 99 99 99",
        "Mars/Olympus", "../..",
        "\"\\0\"", "\"\\e[2J\"", "gguf:", "gguf:Q4_K_M+imatrix", "a/b/c", "4GiB", "-4GiB", "1e30GiB", "1h", "-1s", "\ud800", "\u0085", "#",
        "- -",
        "? a", "<<: *a", "2147483648", "9223372036854775807", "0x10", "1_000", "\t",
    ];

    [Fact]
    public void Parse_ReadsOrRefuses_WhateverASuiteHolds()
    {
        string[] originals =
        [
            .. Directory.EnumerateFiles(RepositoryRoot.Combine("suites"), "*.yaml")
                .Where(f => !f.EndsWith("claims.yaml", StringComparison.Ordinal))
                .Order(StringComparer.Ordinal).Select(File.ReadAllText).Where(t => !t.Contains("extends:", StringComparison.Ordinal)),
            """
            suite: own
            description: all there is
            models:
              - id: m
                source: m.gguf
                olive: auto-opt
            variants: [gguf:F16, gguf:Q4_K_M+imatrix]
            backends: [llamacpp/cpu]
            workloads: [{ perplexity: { dataset: sotu, n_ctx: 512, chunks: [1, 2] } }, { latency: null }, load]
            settings: { threads: 2 }
            include: [{ variant: gguf:* }]
            exclude: [{ workload: lat* }]
            limits:
              cell_timeout: 10m
              cell_memory: 4GiB
            imatrix:
              dataset: sotu:train
              chunks: 2
            interleave: true
            tags: [a, b]
            schedule:
              cron: 30 2 * * *
              zone: Europe/Berlin
              catch_up: last
            """,
        ];
        Assert.All(originals, o => SuiteLoader.Parse(o, "whole.yaml", "/suites", TestEngines.Catalog));
        var random = new Random(23);
        int read = 0;
        for (int i = 0; i < s_mutations; i++)
        {
            string text = originals[random.Next(originals.Length)];
            for (int n = random.Next(1, 4); n > 0; n--) text = Mutate(text, random);

            Exception? e = Record.Exception(() => SuiteLoader.Parse(text, "fuzzed.yaml", "/suites", TestEngines.Catalog));

            Assert.True(e is null or SuiteException, $"mutation {i}: {e}\n{text}");
            if (e is null) read++;
            else Assert.StartsWith("fuzzed.yaml", e.Message, StringComparison.Ordinal);
        }

        Assert.InRange(read, s_mutations / 50, s_mutations * 9 / 10); // both ways are taken
    }

    private static string Mutate(string text, Random random)
    {
        string[] lines = text.Split('\n');
        int at = random.Next(lines.Length);
        string value = s_values[random.Next(s_values.Length)];
        switch (random.Next(7))
        {
            case 0: lines[at] = ""; break;
            case 1: lines[at] += "\n" + lines[at]; break;
            case 2: lines[at] = new string(' ', random.Next(1, 4)) + lines[at]; break;
            case 3: lines[at] = lines[at][..random.Next(lines[at].Length + 1)]; break;
            case 4:
                byte[] bytes = Encoding.UTF8.GetBytes(text);
                if (bytes.Length > 0) bytes[random.Next(bytes.Length)] ^= (byte)(1 << random.Next(8));
                return Encoding.UTF8.GetString(bytes);
            default:
                // A value in the place of one that stands behind a colon, or of a whole entry.
                int colon = lines[at].IndexOf(": ", StringComparison.Ordinal);
                lines[at] = colon < 0 ? $"{lines[at]} {value}" : lines[at][..(colon + 2)] + value;
                break;
        }

        return string.Join('\n', lines);
    }
}
