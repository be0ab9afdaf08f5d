using System.Collections.Frozen;
using System.Reflection;
using System.Security.Cryptography;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace QuantBench.Dashboard.Hosting;

/// <summary>
/// Style sheet, scripts and icon, embedded in this assembly. Their addresses carry a hash of their content, so browsers keep them for good
/// and never use an old one.
/// </summary>
internal static class EmbeddedAssets
{
    private const string Prefix = "assets/";

    private static readonly FrozenDictionary<string, Asset> s_assets = Load();

    /// <summary>Address of an asset.</summary>
    public static string Address(string name) => $"/{Prefix}{name}?v={s_assets[name].Hash}";

    /// <summary>Bytes of an asset.</summary>
    public static ReadOnlyMemory<byte> Bytes(string name) => s_assets[name].Content;

    /// <summary>Serves them.</summary>
    public static void Map(IEndpointRouteBuilder endpoints)
    {
        endpoints.MapGet("/" + Prefix + "{name}", (string name, HttpContext http) =>
        {
            if (!s_assets.TryGetValue(name, out Asset? asset)) return Answers.NotFound();
            http.Response.Headers.CacheControl = http.Request.Query["v"] == asset.Hash ? "public, max-age=31536000, immutable" : "no-cache";
            return Answers.Bytes(asset.Content, asset.Type);
        }).AllowAnonymous().ExcludeFromDescription();
        endpoints.MapGet("/favicon.ico", () => Answers.Redirect(Address("icon.svg"))).AllowAnonymous().ExcludeFromDescription();
    }

    private static FrozenDictionary<string, Asset> Load()
    {
        Assembly assembly = typeof(EmbeddedAssets).Assembly;
        return assembly.GetManifestResourceNames().Where(n => n.StartsWith(Prefix, StringComparison.Ordinal))
            .ToFrozenDictionary(n => n[Prefix.Length..], name =>
        {
            using Stream stream = assembly.GetManifestResourceStream(name)!; // listed one line above
            byte[] content = new byte[stream.Length];
            stream.ReadExactly(content);
            string type = Path.GetExtension(name) switch
            {
                ".css" => "text/css; charset=utf-8",
                ".js" => "text/javascript; charset=utf-8",
                _ => "image/svg+xml",
            };
            return new Asset(content, type, Convert.ToHexStringLower(SHA256.HashData(content))[..12]);
        });
    }

    private sealed record Asset(byte[] Content, string Type, string Hash);
}
