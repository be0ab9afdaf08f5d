using System.Text;
using QuantBench.Core.Errors;
using QuantBench.Core.Files;

namespace QuantBench.Core.Yaml;

/// <summary>Reads the text of a file, up to a limit.</summary>
internal static class SuiteText
{
    private const int LargestFileBytes = 1 << 20;

    /// <summary>Does what a file's content decides: whatever it throws, the file is broken and its reader says so.</summary>
    /// <param name="path">The file.</param>
    /// <param name="read">Reads it.</param>
    /// <exception cref="SuiteException">It can't be read.</exception>
    public static T Guard<T>(string path, Func<T> read)
    {
        try
        {
            return read();
        }
        catch (Exception e) when (e is not (QuantBenchException or OperationCanceledException or OutOfMemoryException))
        {
            throw new SuiteException(path, 0, 0, $"this file can't be read: {e.Message} ({e.GetType().Name})",
                "whatever is in it, this is a fault in QuantBench too: please report it with the file", e);
        }
    }

    /// <summary>The whole text.</summary>
    /// <param name="path">The file.</param>
    /// <param name="from">What named it, where another file did; errors are then put there.</param>
    /// <exception cref="SuiteException">It isn't there, is too long, isn't UTF-8, or can't be read.</exception>
    public static string Read(string path, SuiteNode? from)
    {
        try
        {
            // What a shell hands over lies under /dev; a pipe among suites would keep whoever lists them waiting for ever.
            if (!path.StartsWith("/dev/", StringComparison.Ordinal)) FileStamp.RequireFile(path);
            using FileStream stream = File.OpenRead(path);
            if (stream.Length > LargestFileBytes)
                throw Fail($"the file has {stream.Length} bytes; at most {LargestFileBytes} are read", null, null);
            // Length is 0 for pipes and devices, so the limit is kept while reading too.
            byte[] bytes = new byte[LargestFileBytes + 1];
            int length = stream.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false);
            if (length > LargestFileBytes) throw Fail($"the file has more than {LargestFileBytes} bytes", null, null);
            string text = new UTF8Encoding(false, throwOnInvalidBytes: true).GetString(bytes, 0, length);
            return text.StartsWith('\uFEFF') ? text[1..] : text;
        }
        catch (RequestException e)
        {
            throw Fail(e.Message.TrimEnd('.'), e.Hint, e);
        }
        catch (DecoderFallbackException e)
        {
            throw Fail("the file isn't UTF-8 text", "save it as UTF-8", e);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw Fail("there is no such file",
                from is null ? "suites lie in suites/; give a path to a .yaml file" : "the path starts from the directory of this suite",
                e);
        }
        catch (Exception e) when (e is NotSupportedException || DiskFault.Is(e))
        {
            throw Fail($"the file can't be read: {e.Message}", null, e);
        }

        SuiteException Fail(string problem, string? hint, Exception? inner) => from is null
            ? new SuiteException(path, 0, 0, problem, hint, inner)
            : new SuiteException(from.File, from.Line, from.Column, $"base suite {path}: {problem}", hint, inner);
    }
}
