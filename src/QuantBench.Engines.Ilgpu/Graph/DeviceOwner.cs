using ILGPU.Runtime;

namespace QuantBench.Engines.Ilgpu.Graph;

/// <summary>Memory on a device, and parts that have such memory: counted and freed together.</summary>
internal abstract class DeviceOwner : IDisposable
{
    private readonly List<IDisposable> _owned = [];

    /// <summary>Bytes on the device.</summary>
    public virtual long Bytes => _owned.Sum(item => item is DeviceOwner part ? part.Bytes : ((MemoryBuffer)item).LengthInBytes);

    /// <summary>Frees the memory.</summary>
    public virtual void Dispose()
    {
        foreach (IDisposable item in _owned) item.Dispose();
    }

    /// <summary>Takes a buffer or a part over.</summary>
    protected T Keep<T>(T item)
        where T : IDisposable
    {
        _owned.Add(item);
        return item;
    }
}
