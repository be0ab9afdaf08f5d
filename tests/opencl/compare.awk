# Reads an exported CSV: perplexity on one backend (-v backend=BACKEND, OpenCL's by default) within these shares of another's (-v against=BACKEND,
# llama.cpp's by default), variant by variant. Exit 1 when one isn't, or none was measured. Lines start with -v label=WORD.
BEGIN { FS = ","; if (label == "") label = "opencl"; if (backend == "") backend = "ilgpu/opencl:0"; if (against == "") against = "llamacpp/cpu"; bound["gguf:F32"] = 1e-4; bound["gguf:F16"] = 1e-3; bound["gguf:BF16"] = bound["safetensors:BF16"] = 1e-3 }
/,ok,,perplexity,1,lower,/ {
  split($0, half, ",ok,,perplexity,1,lower,"); split(half[2], figures, ",")
  value[$6, $7] = figures[1]; variants[$6] = 1
}
END {
  for (v in variants) {
    ours = value[v, backend]; theirs = value[v, against]
    if (ours == "" || theirs == "") { print label ": FAILED: " v " was not measured on both"; bad = 1; continue }
    share = ours / theirs - 1; limit = (v in bound) ? bound[v] : 0.005; n++
    if ((share < 0 ? -share : share) > limit) { bad = 1; verdict = "FAILED" } else verdict = "ok"
    printf label ": %-6s %-16s perplexity %.4f, %s %.4f: %+.4f %%, allowed %.2f %%\n", verdict, v, ours, against, theirs, 100 * share, 100 * limit
  }
  if (n == 0) { print "opencl: FAILED: nothing was compared"; bad = 1 }
  exit bad
}
