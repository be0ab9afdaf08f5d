using System.IO.MemoryMappedFiles;
using System.Runtime.InteropServices;
using QuantBench.Core.Errors;
using QuantBench.Core.Files;

namespace QuantBench.Formats.Files;

/// <summary>A file mapped read-only into memory. Spans handed out are valid until it is disposed.</summary>
public sealed unsafe partial class MappedFile : IDisposable
{
    private const int DontNeed = 4;

    private readonly MemoryMappedFile? _map;
    private readonly MemoryMappedViewAccessor? _view;
    private byte* _start;

    private MappedFile(string path, long length, MemoryMappedFile? map)
    {
        Path = path;
        Length = length;
        _map = map;
        if (map is null) return; // An empty file can't be mapped.
        _view = map.CreateViewAccessor(0, length, MemoryMappedFileAccess.Read);
        _view.SafeMemoryMappedViewHandle.AcquirePointer(ref _start);
        _start += _view.PointerOffset;
    }

    /// <summary>Absolute path.</summary>
    public string Path { get; }

    /// <summary>Bytes in the file.</summary>
    public long Length { get; }

    /// <summary>Maps a file.</summary>
    /// <param name="path">Path of the file.</param>
    /// <exception cref="RequestException">It isn't there or can't be read.</exception>
    /// <exception cref="ModelFormatException">It is a Git LFS pointer.</exception>
    public static MappedFile Open(string path)
    {
        string full = System.IO.Path.GetFullPath(path);
        try
        {
            // The length comes from the opened handle, so that mapping and length are of the same file even if the path is replaced.
            FileStamp.RequireFile(full);
            var stream = new FileStream(full, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete, bufferSize: 0);
            long length = stream.Length;
            if (length == 0)
            {
                stream.Dispose();
                return new MappedFile(full, 0, null);
            }

            MemoryMappedFile map;
            try
            {
                Span<byte> start = stackalloc byte[64];
                ForeignFile.RefuseLfsPointer(start[..stream.ReadAtLeast(start, start.Length, throwOnEndOfStream: false)], full);
                map = MemoryMappedFile.CreateFromFile(stream, null, 0, MemoryMappedFileAccess.Read, HandleInheritability.None,
                    leaveOpen: false);
            }
            catch
            {
                stream.Dispose();
                throw;
            }

            try
            {
                return new MappedFile(full, length, map);
            }
            catch
            {
                map.Dispose();
                throw;
            }
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new RequestException($"There is no file '{full}'.", "Check the path.", e);
        }
        catch (Exception e) when (DiskFault.Is(e))
        {
            throw new RequestException($"The file '{full}' can't be read: {e.Message}", "Check its permissions.", e);
        }
    }

    /// <summary>A piece of the file.</summary>
    /// <param name="offset">First byte.</param>
    /// <param name="length">Number of bytes.</param>
    /// <exception cref="ArgumentOutOfRangeException">The piece isn't inside the file.</exception>
    public ReadOnlySpan<byte> Span(long offset, int length)
    {
        ObjectDisposedException.ThrowIf(_start is null && Length > 0, this);
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(offset, Length - length);
        return new ReadOnlySpan<byte>(_start + offset, length);
    }

    /// <summary>Tells the system that whole pages of a piece aren't needed for now; they are read again when touched. Does nothing where it
    /// can't be done.</summary>
    /// <param name="offset">First byte.</param>
    /// <param name="length">Number of bytes.</param>
    /// <exception cref="ArgumentOutOfRangeException">The piece isn't inside the file.</exception>
    public void Release(long offset, long length)
    {
        ObjectDisposedException.ThrowIf(_start is null && Length > 0, this);
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(offset, Length - length);
        if (!OperatingSystem.IsLinux()) return;
        nuint page = (nuint)Environment.SystemPageSize;
        nuint first = ((nuint)(_start + offset) + page - 1) / page * page;
        nuint end = (nuint)(_start + offset + length) / page * page;

        // Only advice: when it is refused, more memory stays resident and nothing else changes.
        if (end > first) _ = Advise((void*)first, end - first, DontNeed);
    }

    /// <summary>Unmaps the file.</summary>
    public void Dispose()
    {
        if (_start is not null)
        {
            _start = null;
            _view?.SafeMemoryMappedViewHandle.ReleasePointer();
        }

        _view?.Dispose();
        _map?.Dispose();
    }

    [LibraryImport("libc", EntryPoint = "madvise")]
    private static partial int Advise(void* start, nuint length, int advice);
}
