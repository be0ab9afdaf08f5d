using System.Globalization;
using System.Text;

namespace QuantBench.Cli.Views;

/// <summary>Writes text that may hold anything, e.g. names of files: control characters become <c>\x1b</c> and the like, so that nobody
/// else commands the terminal.</summary>
/// <param name="inner">Where it goes.</param>
internal sealed class PlainWriter(TextWriter inner) : TextWriter(CultureInfo.InvariantCulture)
{
    /// <inheritdoc/>
    public override Encoding Encoding => inner.Encoding;

    /// <inheritdoc/>
    public override void Write(char value)
    {
        if (IsPlain(value)) inner.Write(value);
        else inner.Write(string.Create(CultureInfo.InvariantCulture, $"\\x{(int)value:x2}"));
    }

    /// <inheritdoc/>
    public override void Write(ReadOnlySpan<char> buffer)
    {
        while (!buffer.IsEmpty)
        {
            int plain = 0;
            while (plain < buffer.Length && (IsPlain(buffer[plain]) || buffer[plain..] is ['\r', '\n', ..])) plain++;
            inner.Write(buffer[..plain]);
            if (plain < buffer.Length) Write(buffer[plain++]);
            buffer = buffer[plain..];
        }
    }

    /// <inheritdoc/>
    public override void Write(string? value) => Write(value.AsSpan());

    /// <inheritdoc/>
    public override void Write(char[] buffer, int index, int count) => Write(buffer.AsSpan(index, count));

    /// <inheritdoc/>
    public override void WriteLine(string? value)
    {
        Write(value.AsSpan());
        inner.WriteLine();
    }

    /// <inheritdoc/>
    public override void WriteLine() => inner.WriteLine();

    /// <inheritdoc/>
    public override void Flush() => inner.Flush();

    private static bool IsPlain(char c) => !char.IsControl(c) || c is '\n' or '\t';
}
