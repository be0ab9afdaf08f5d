// Kernels overwrite their stack buffers before reading them; clearing those first costs as much as a short row.
[module: System.Runtime.CompilerServices.SkipLocalsInit]
