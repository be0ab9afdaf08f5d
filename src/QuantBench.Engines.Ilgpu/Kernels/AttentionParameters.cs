namespace QuantBench.Engines.Ilgpu.Kernels;

/// <summary>Sizes of attention and of its cache.</summary>
internal struct AttentionParameters
{
    /// <summary>Query heads.</summary>
    public int Heads;

    /// <summary>Key and value heads.</summary>
    public int KvHeads;

    /// <summary>Width of a head; a multiple of 8.</summary>
    public int HeadWidth;

    /// <summary>Leading dimensions of a head that are rotated.</summary>
    public int RotatedWidth;

    /// <summary>1: rotated pairs are (i, i + n/2); 0: (2i, 2i + 1).</summary>
    public int Neox;

    /// <summary>Positions of each sequence in the cache.</summary>
    public int ContextLength;

    /// <summary>Tokens that a token sees, itself included.</summary>
    public int Window;

    /// <summary>Factor of scores.</summary>
    public float Scale;

    /// <summary>How much scores grow with each <see cref="TemperatureLength"/> behind a query; 0 = they don't.</summary>
    public float Temperature;

    /// <summary>Tokens; at least 1.</summary>
    public int TemperatureLength;

    /// <summary>Soft cap of scores; 0 = none.</summary>
    public float SoftCap;

    /// <summary>ε of query and key norms.</summary>
    public float Epsilon;

    /// <summary>1: queries, keys and values have a bias.</summary>
    public int HasBias;

    /// <summary>1: query heads are normalised.</summary>
    public int HasQueryNorm;

    /// <summary>1: key heads are normalised.</summary>
    public int HasKeyNorm;

    /// <summary>1: each query head has a score that gives nothing.</summary>
    public int HasSinks;
}
