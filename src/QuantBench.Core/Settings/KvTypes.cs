namespace QuantBench.Core.Settings;

/// <summary>The types of a cell's KV cache: <c>kv_type</c> is both, <c>kv_type_k</c> that of the keys where it is another, and
/// <c>kv_type_v</c> that of the values.</summary>
public static class KvTypes
{
    /// <summary>Mark on divergences of earlier builds, whose reference had the cell's own rounded cache.</summary>
    public const string DamageMissing =
        "its reference's KV cache was rounded like its own, so the damage of rounding is missing: measure it again";

    private const string Both = "kv_type", Keys = "kv_type_k", Values = "kv_type_v";

    /// <summary>Type of the keys.</summary>
    /// <param name="settings">A cell's settings.</param>
    public static string OfKeys(CellSettings settings) => Of(settings, Keys);

    /// <summary>Type of the values.</summary>
    /// <param name="settings">A cell's settings.</param>
    public static string OfValues(CellSettings settings) => Of(settings, Values);

    /// <summary>Whether either is of less than 16 bits, or of other 16 bits than the usual ones.</summary>
    /// <param name="settings">A cell's settings.</param>
    public static bool AreRounded(CellSettings settings) =>
        OfKeys(settings) is not ("f16" or "f32") || OfValues(settings) is not ("f16" or "f32");

    /// <summary>The settings with a cache that keeps what the model computes; as they are where theirs does.</summary>
    /// <param name="settings">A cell's settings.</param>
    public static CellSettings Unrounded(CellSettings settings)
    {
        ArgumentNullException.ThrowIfNull(settings);
        bool plain = !settings.Has(Keys) && !settings.Has(Values);
        if (plain && !AreRounded(settings)) return settings;
        bool wide = OfKeys(settings) == "f32" && OfValues(settings) == "f32";
        return settings.Without(Keys).Without(Values).With(Both, wide ? "f32" : "f16");
    }

    /// <summary>The settings in one spelling: <c>kv_type</c> alone, or <c>kv_type_k</c> and <c>kv_type_v</c> alone.</summary>
    /// <param name="settings">A cell's settings.</param>
    public static CellSettings Settle(CellSettings settings)
    {
        ArgumentNullException.ThrowIfNull(settings);
        if (!settings.Has(Keys) && !settings.Has(Values)) return settings;
        (string keys, string values) = (OfKeys(settings), OfValues(settings));
        CellSettings others = settings.Without(Both).Without(Keys).Without(Values);
        return keys == values ? others.With(Both, keys) : others.With(Keys, keys).With(Values, values);
    }

    /// <summary>Whether a setting says something of a cell: <c>kv_type</c> does where keys and values have none of their own, and they
    /// where they have.</summary>
    /// <param name="settings">A cell's settings.</param>
    /// <param name="key">A setting's key.</param>
    public static bool IsSaid(CellSettings settings, string key)
    {
        ArgumentNullException.ThrowIfNull(settings);
        return key switch { Both => !settings.Has(Keys) || !settings.Has(Values), Keys or Values => settings.Has(key), _ => true };
    }

    private static string Of(CellSettings settings, string key)
    {
        ArgumentNullException.ThrowIfNull(settings);
        return settings.Has(key) && settings.Text(key).Length > 0 ? settings.Text(key) : settings.Text(Both);
    }
}
