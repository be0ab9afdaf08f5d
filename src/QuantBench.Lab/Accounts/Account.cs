namespace QuantBench.Lab.Accounts;

/// <summary>Somebody who may log in. Mutable, since the login machinery fills it step by step before it is stored.</summary>
public sealed class Account
{
    /// <summary>Its id.</summary>
    public string Id { get; init; } = Guid.NewGuid().ToString("N");

    /// <summary>The name it logs in with.</summary>
    public string Name { get; set; } = "";

    /// <summary>The name in the spelling it is looked up by.</summary>
    public string Normalized { get; set; } = "";

    /// <summary>What it may do.</summary>
    public Role Role { get; set; }

    /// <summary>Salted hash of its password.</summary>
    public string PasswordHash { get; set; } = "";

    /// <summary>Changes with every change of password or role; a login of before ends.</summary>
    public string Stamp { get; set; } = Guid.NewGuid().ToString("N");

    /// <summary>Wrong passwords in a row.</summary>
    public int Failures { get; set; }

    /// <summary>Until when it is locked; null = it isn't.</summary>
    public DateTimeOffset? LockoutEnd { get; set; }

    /// <summary>When it was made, UTC.</summary>
    public DateTimeOffset Created { get; init; }
}
