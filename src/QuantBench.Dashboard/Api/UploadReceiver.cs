using System.Data.Common;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Data.Sqlite;
using QuantBench.Core.Errors;
using QuantBench.Dashboard.Accounts;
using QuantBench.Dashboard.Hosting;
using QuantBench.Lab.State;
using QuantBench.Results.Exchange;
using QuantBench.Results.Store;

namespace QuantBench.Dashboard.Api;

/// <summary>
/// Takes in run bundles: hostile input. The body is counted while it comes, not believed; unpacking is limited in files, bytes and names
/// and checked against hashes by <see cref="RunImport"/>. Whatever is refused leaves nothing behind.
/// </summary>
/// <param name="options">Limits.</param>
/// <param name="store">The store.</param>
/// <param name="audit">Receives every upload.</param>
/// <param name="metrics">Counts them.</param>
internal sealed class UploadReceiver(DashboardOptions options, ResultStore store, AuditLog audit, LabMetrics metrics) : IDisposable
{
    private const int LargestRatio = 200; // JSON lines shrink about tenfold; a bomb shrinks a thousandfold

    private const int SqliteFull = 13;

    private readonly SemaphoreSlim _one = new(1, 1);

    public void Dispose() => _one.Dispose();

    public async Task<IResult> ReceiveAsync(HttpContext http, CancellationToken stop)
    {
        if (http.Request.ContentLength > options.UploadBytes)
            return Refuse(StatusCodes.Status413PayloadTooLarge,
                $"the bundle has {http.Request.ContentLength} bytes; at most {options.UploadBytes} are taken.");
        // The server's own limit for bodies is lifted for this request; the count below is the limit.
        if (http.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } size)
            size.MaxRequestBodySize = options.UploadBytes + 1;
        string file = Path.Combine(store.Root, RunImport.StagingName(".zip"));
        try
        {
            long bytes;
            await using (var output = new FileStream(file, FileMode.CreateNew, FileAccess.Write, FileShare.None))
            {
                if (!await CopyAsync(http.Request.Body, output, stop))
                    return Refuse(StatusCodes.Status413PayloadTooLarge, $"the bundle has more than {options.UploadBytes} bytes.");
                bytes = output.Length;
            }

            return await TakeInAsync(http, file, bytes, stop);
        }
        catch (Exception e) when (DiskFault.Is(e) && e is not BadHttpRequestException && !stop.IsCancellationRequested)
        {
            return Refuse(Status(e), "the server can't keep the bundle.", "Nothing was taken in; send it again later.");
        }
        finally
        {
            DeleteQuietly(file);
        }
    }

    /// <summary>Takes in a bundle that lies here whole, and deletes it.</summary>
    public async Task<IResult> TakeInAsync(HttpContext http, string file, long bytes, CancellationToken stop)
    {
        try
        {
            ImportResult result = await ImportAsync(file, bytes, stop);
            audit.Write(PageActions.Actor(http), "run.upload", result.RunId, null, result.AlreadyThere ? "already there" : "new",
                http.Connection.RemoteIpAddress?.ToString());
            metrics.Uploads.Add(1, new KeyValuePair<string, object?>("outcome", result.AlreadyThere ? "known" : "new"));
            var answer = new UploadAnswer(result.RunId, result.AlreadyThere);
            return result.AlreadyThere ? Answers.Ok(answer) : Answers.Created($"/api/v1/runs/{result.RunId}", answer);
        }
        catch (StoreException e)
        {
            // The caller knows its own file; our paths are none of its business.
            string said = e.Message.Replace(file, "the bundle", StringComparison.Ordinal);
            return Refuse(Status(e.InnerException), ServerPaths.For(http.User, options.Lab, said) ?? "", e.Hint);
        }
        finally
        {
            DeleteQuietly(file);
        }
    }

    // The bundle's fault, or ours: then the same bundle is welcome again.
    private static int Status(Exception? cause) => cause switch
    {
        SqliteException { SqliteErrorCode: SqliteFull } => StatusCodes.Status507InsufficientStorage,
        DbException => StatusCodes.Status503ServiceUnavailable,
        not null when DiskFault.IsFull(cause) => StatusCodes.Status507InsufficientStorage,
        not null when DiskFault.Is(cause) => StatusCodes.Status503ServiceUnavailable,
        _ => StatusCodes.Status400BadRequest,
    };

    private static void DeleteQuietly(string file)
    {
        try
        {
            File.Delete(file);
        }
        catch (Exception e) when (DiskFault.Is(e))
        {
            // The next start removes it.
        }
    }

    private async Task<ImportResult> ImportAsync(string file, long bytes, CancellationToken stop)
    {
        await _one.WaitAsync(stop);
        try
        {
            long unpacked = Math.Min(8L << 30, Math.Max(1 << 20, bytes * LargestRatio));
            // A connection of its own: the shared store is one thread's at a time.
            using ResultStore own = store.Again();
            return RunImport.Into(file, own,
                new ImportLimits { Files = 20_000, FileBytes = Math.Min(2L << 30, unpacked), TotalBytes = unpacked });
        }
        finally
        {
            _one.Release();
        }
    }

    private async Task<bool> CopyAsync(Stream input, FileStream output, CancellationToken stop)
    {
        byte[] buffer = new byte[1 << 16];
        long total = 0;
        try
        {
            for (int got; (got = await input.ReadAsync(buffer, stop)) > 0;)
            {
                total += got;
                if (total > options.UploadBytes) return false;
                await output.WriteAsync(buffer.AsMemory(0, got), stop);
            }
        }
        catch (BadHttpRequestException e) when (e.StatusCode == StatusCodes.Status413PayloadTooLarge)
        {
            return false;
        }

        return true;
    }

    private IResult Refuse(int status, string why, string? hint = null)
    {
        metrics.Uploads.Add(1, new KeyValuePair<string, object?>("outcome", "refused"));
        return Answers.Problem(why, statusCode: status,
            extensions: hint is null ? null : new Dictionary<string, object?> { ["hint"] = hint });
    }
}
