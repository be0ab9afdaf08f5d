using System.Collections.Frozen;

namespace QuantBench.Formats.Onnx;

/// <summary>Operators and domains that models may use. Operators of the runtime's own domain differ by build, so that they are the
/// runtime's to judge.</summary>
internal static class OnnxOperators
{
    /// <summary>Domains of ONNX itself and of ONNX Runtime and its extensions.</summary>
    public static readonly FrozenSet<string> Domains = FrozenSet.ToFrozenSet(
    [
        "", "ai.onnx.ml", "ai.onnx.training", "ai.onnx.preview.training", "ai.onnx.preview", "com.microsoft", "com.microsoft.nchwc",
        "com.microsoft.dml", "com.microsoft.extensions", "ai.onnx.contrib", "com.ms.internal.nhwc", "org.pytorch.aten",
    ], StringComparer.Ordinal);

    // Operator set 26, the ones that were withdrawn, and the three norms that ONNX Runtime keeps in ONNX's domain.
    private static readonly FrozenSet<string> s_standard = FrozenSet.ToFrozenSet(
        """
        Abs Acos Acosh Add AffineGrid And ArgMax ArgMin Asin Asinh Atan Atanh Attention AveragePool BatchNormalization Bernoulli
        BitShift BitCast BitwiseAnd BitwiseNot BitwiseOr BitwiseXor BlackmanWindow Cast CastLike Ceil Celu CenterCropPad Clip Col2Im
        Compress Concat ConcatFromSequence Constant ConstantOfShape Conv ConvInteger ConvTranspose Cos Cosh CumProd CumSum DFT
        DeformConv DepthToSpace DequantizeLinear Det Div Dropout DynamicQuantizeLinear Einsum Elu Equal Erf Exp Expand EyeLike
        Flatten Floor GRU Gather GatherElements GatherND Gelu Gemm GlobalAveragePool GlobalLpPool GlobalMaxPool Greater
        GreaterOrEqual GridSample GroupNormalization HammingWindow HannWindow HardSigmoid HardSwish Hardmax Identity If ImageDecoder
        InstanceNormalization IsInf IsNaN LRN LSTM LayerNormalization LeakyRelu Less LessOrEqual Log LogSoftmax Loop LpNormalization
        LpPool MatMul MatMulInteger Max MaxPool MaxRoiPool MaxUnpool Mean MeanVarianceNormalization MelWeightMatrix Min Mish Mod Mul
        Multinomial Neg NegativeLogLikelihoodLoss NonMaxSuppression NonZero Not OneHot Optional OptionalGetElement
        OptionalHasElement Or PRelu Pad Pow QLinearConv QLinearMatMul QuantizeLinear RMSNormalization RNN RandomNormal
        RandomNormalLike RandomUniform RandomUniformLike Range Reciprocal ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax
        ReduceMean ReduceMin ReduceProd ReduceSum ReduceSumSquare RegexFullMatch Relu Reshape Resize ReverseSequence RoiAlign
        RotaryEmbedding Round STFT Scan Scatter ScatterElements ScatterND Selu SequenceAt SequenceConstruct SequenceEmpty
        SequenceErase SequenceInsert SequenceLength SequenceMap Shape Shrink Sigmoid Sign Sin Sinh Size Slice Softmax
        SoftmaxCrossEntropyLoss Softplus Softsign SpaceToDepth Split SplitToSequence Sqrt Squeeze StringConcat StringNormalizer
        StringSplit Sub Sum Swish Tan Tanh TensorScatter TfIdfVectorizer ThresholdedRelu Tile TopK Transpose Trilu Unique Unsqueeze
        Upsample Where Xor Affine Crop DynamicSlice GivenTensorFill ImageScaler ParametricSoftplus ScaledTanh
        SimplifiedLayerNormalization
        """.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries), StringComparer.Ordinal);

    /// <summary>Whether ONNX's own domain has an operator.</summary>
    /// <param name="opType">Its name.</param>
    public static bool IsStandard(string opType) => s_standard.Contains(opType);

    /// <summary>Names of all operators of ONNX's own domain.</summary>
    public static IEnumerable<string> Standard => s_standard;
}
