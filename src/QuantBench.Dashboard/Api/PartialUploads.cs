using System.Security.Cryptography;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using QuantBench.Core.Errors;
using QuantBench.Dashboard.Hosting;
using QuantBench.Results.Store;

namespace QuantBench.Dashboard.Api;

/// <summary>How much of a bundle is here.</summary>
/// <param name="Bytes">Bytes from its beginning.</param>
internal sealed record PartialAnswer(long Bytes);

/// <summary>
/// Bundles that come in parts, so that a link that breaks costs one part: named by their hash, put together beside the results, checked
/// against the hash when they are whole, and then taken in like any other.
/// </summary>
/// <param name="options">Limits.</param>
/// <param name="store">The store.</param>
/// <param name="clock">The one clock.</param>
internal sealed class PartialUploads(DashboardOptions options, ResultStore store, TimeProvider clock) : IDisposable
{
    private const string Folder = ".uploads";
    private const int MostBytes = 16 << 20; // of one part
    private const int MostWaiting = 64;

    private static readonly TimeSpan s_kept = TimeSpan.FromDays(7);

    private readonly SemaphoreSlim _one = new(1, 1);

    public void Dispose() => _one.Dispose();

    public IResult Answer(string sha256) => IsHash(sha256) ? Answers.Ok(new PartialAnswer(Length(FileOf(sha256)))) : NoHash();

    public async Task<IResult> TakeAsync(HttpContext http, string sha256, long offset, long total, UploadReceiver receiver,
        CancellationToken stop)
    {
        if (!IsHash(sha256)) return NoHash();
        if (total is <= 0 || total > options.UploadBytes)
            return Answers.Problem($"at most {options.UploadBytes} bytes are taken.", statusCode: StatusCodes.Status413PayloadTooLarge);
        if (http.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } size) size.MaxRequestBodySize = MostBytes;
        await _one.WaitAsync(stop);
        try
        {
            string file = FileOf(sha256);
            Directory.CreateDirectory(Path.GetDirectoryName(file)!); // the results root has one
            Forget(file);
            if (Length(file) is var there && there != offset)
                return Answers.Json(new PartialAnswer(there), statusCode: StatusCodes.Status409Conflict);
            await using (var output = new FileStream(file, FileMode.Append, FileAccess.Write, FileShare.None))
            {
                // What came of a part that broke off stays; the next begins behind it.
                await http.Request.Body.CopyToAsync(output, stop);
                if (output.Length > total)
                {
                    output.SetLength(0);
                    return Answers.Problem("more came than was announced.", statusCode: StatusCodes.Status400BadRequest);
                }

                output.Flush(flushToDisk: true);
            }

            long length = Length(file);
            if (length < total) return Answers.Ok(new PartialAnswer(length));
            if (!await FitsAsync(file, sha256, stop))
            {
                File.Delete(file);
                return Answers.Problem("the parts don't make what was announced.", statusCode: StatusCodes.Status400BadRequest,
                    extensions: new Dictionary<string, object?> { ["hint"] = "Send it again from its beginning." });
            }

            // Deleted by who takes it in; sent again, the run is known.
            return await receiver.TakeInAsync(http, file, length, stop);
        }
        catch (Exception e) when (DiskFault.Is(e) && e is not BadHttpRequestException && !stop.IsCancellationRequested)
        {
            return Answers.Problem("the server can't keep the part.",
                statusCode: DiskFault.IsFull(e) ? StatusCodes.Status507InsufficientStorage : StatusCodes.Status503ServiceUnavailable);
        }
        finally
        {
            _one.Release();
        }
    }

    private string FileOf(string sha256) => Path.Combine(store.Root, Folder, sha256 + ".zip");

    private static long Length(string file) => new FileInfo(file) is { Exists: true } there ? there.Length : 0;

    private static bool IsHash(string text) => text.Length == 64 && text.All(char.IsAsciiHexDigitLower);

    private static IResult NoHash() =>
        Answers.Problem("that is no SHA-256 in lower-case hex.", statusCode: StatusCodes.Status400BadRequest);

    private static async Task<bool> FitsAsync(string file, string sha256, CancellationToken stop)
    {
        await using FileStream stream = File.OpenRead(file);
        return Convert.ToHexStringLower(await SHA256.HashDataAsync(stream, stop)) == sha256;
    }

    // Parts whose sender never came back.
    private void Forget(string keep)
    {
        FileInfo[] waiting = [.. new DirectoryInfo(Path.GetDirectoryName(keep)!).GetFiles("*.zip").OrderBy(f => f.LastWriteTimeUtc)];
        for (int i = 0; i < waiting.Length; i++)
        {
            bool old = clock.GetUtcNow() - waiting[i].LastWriteTimeUtc > s_kept || waiting.Length - i > MostWaiting;
            if (old && waiting[i].FullName != keep) waiting[i].Delete();
        }
    }
}
