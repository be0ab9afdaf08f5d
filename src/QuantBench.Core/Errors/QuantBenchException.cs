using System.Collections.Immutable;

namespace QuantBench.Core.Errors;

/// <summary>Base of every error that bad input from outside can cause. The message says what is wrong, where, and what to do
/// next.</summary>
/// <param name="message">What is wrong, in a sentence a user understands.</param>
/// <param name="hint">What to do next; null when nothing useful can be said.</param>
/// <param name="inner">The cause, if another exception was it.</param>
public abstract class QuantBenchException(string message, string? hint = null, Exception? inner = null) : Exception(message, inner)
{
    // Names in files may be as long as the files: what a person reads of them isn't.
    private const int LongestQuote = 1500;

    /// <summary>What the user can do next; null when nothing useful can be said.</summary>
    public string? Hint { get; } = hint;

    /// <summary>The message with the hint as a second sentence.</summary>
    public string Explanation => Explain(Message, Hint);

    /// <summary>What is said of somebody's file, cut in the middle where that is very long.</summary>
    /// <param name="text">The text; may quote the file.</param>
    internal static string Quote(string text) => text.Length <= 2 * LongestQuote ? text
        : string.Concat(text.AsSpan(0, LongestQuote), " … ", text.AsSpan(text.Length - LongestQuote));

    /// <summary>A reason with its hint as a second sentence.</summary>
    /// <param name="reason">What is wrong.</param>
    /// <param name="hint">What to do next; null when nothing useful can be said.</param>
    public static string Explain(string reason, string? hint)
    {
        ArgumentNullException.ThrowIfNull(reason);
        return hint is null ? reason : $"{reason.TrimEnd('.')}. {hint}";
    }
}

/// <summary>A model file, tokenizer or dataset that is broken: it can't be read as what it claims to be.</summary>
/// <param name="file">Path of the file.</param>
/// <param name="offset">Byte offset in the file where the fault shows; null when it concerns the whole file.</param>
/// <param name="problem">What is wrong there; names the key or tensor.</param>
/// <param name="hint">What to do next.</param>
/// <param name="inner">The cause, if another exception was it.</param>
public sealed class ModelFormatException(string file, long? offset, string problem, string? hint = null, Exception? inner = null)
    : QuantBenchException(Quote(offset is { } at ? $"{file}: at byte {at}: {problem}" : $"{file}: {problem}"), hint, inner)
{
    /// <summary>Path of the file.</summary>
    public string File { get; } = file;

    /// <summary>Byte offset in the file; null when the fault concerns the whole file.</summary>
    public long? Offset { get; } = offset;
}

/// <summary>
/// A sound file, setting or request that this program, or the engine asked, has no ability for. Recorded as <c>unsupported</c>; a broken
/// file is a <see cref="ModelFormatException"/> and recorded as <c>failed</c>.
/// </summary>
/// <param name="what">Path of the file, or name of the engine, that it concerns; null when the reason says it.</param>
/// <param name="reason">What is missing.</param>
/// <param name="hint">What works instead; null when nothing useful can be said.</param>
/// <param name="inner">The cause, if another exception was it.</param>
public sealed class UnsupportedException(string? what, string reason, string? hint = null, Exception? inner = null)
    : QuantBenchException(Quote(what is null ? reason : $"{what}: {reason}"), hint, inner);

/// <summary>A suite, dataset descriptor or other YAML file that breaks its schema.</summary>
/// <param name="file">Path of the file.</param>
/// <param name="line">1-based line; 0 when unknown.</param>
/// <param name="column">1-based column; 0 when unknown.</param>
/// <param name="problem">What is wrong there.</param>
/// <param name="hint">What to do next, e.g. «did you mean 'perplexity'?».</param>
/// <param name="inner">The cause, if another exception was it.</param>
public sealed class SuiteException(string file, int line, int column, string problem, string? hint = null, Exception? inner = null)
    : QuantBenchException(line > 0 ? $"{file}:{line}:{column}: {problem}" : $"{file}: {problem}", hint, inner)
{
    /// <summary>Path of the file.</summary>
    public string File { get; } = file;

    /// <summary>1-based line; 0 when unknown.</summary>
    public int Line { get; } = line;

    /// <summary>1-based column; 0 when unknown.</summary>
    public int Column { get; } = column;

    /// <summary>What else is wrong in the file, in its order; the exception itself is the first fault.</summary>
    public ImmutableArray<SuiteException> Others { get; private set; } = [];

    /// <summary>All faults of a file as one exception: the first, which knows the others.</summary>
    /// <param name="faults">At least one; in any order, and the same one may come twice.</param>
    internal static SuiteException Of(IReadOnlyCollection<SuiteException> faults)
    {
        SuiteException[] all =
        [
            .. faults.SelectMany(f => f.Others.Prepend(f)).DistinctBy(f => f.Message).OrderBy(f => f.Line).ThenBy(f => f.Column),
        ];
        foreach (SuiteException fault in all) fault.Others = [];
        all[0].Others = [.. all.Skip(1)];
        return all[0];
    }
}

/// <summary>An engine that can't be found, started or used.</summary>
public sealed class EngineException(string message, string? hint = null, Exception? inner = null)
    : QuantBenchException(message, hint, inner);

/// <summary>A run folder, store or export that can't be read or written.</summary>
public sealed class StoreException(string message, string? hint = null, Exception? inner = null)
    : QuantBenchException(message, hint, inner);

/// <summary>A model, dataset or command-line request that can't be met: a missing file, a name nobody knows.</summary>
public sealed class RequestException(string message, string? hint = null, Exception? inner = null)
    : QuantBenchException(message, hint, inner);
