namespace QuantBench.Results.Store.Migrations;

/// <summary>The newest migration; a test checks it against the migrations in this folder.</summary>
internal static class SchemaVersion
{
    public const string Latest = "20261123041322_FirstSchema";
}
