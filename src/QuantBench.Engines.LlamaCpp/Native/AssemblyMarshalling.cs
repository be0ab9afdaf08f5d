using System.Runtime.CompilerServices;

// Structs go to native code as they lie in memory; a bool is one byte, as in C.
[assembly: DisableRuntimeMarshalling]
