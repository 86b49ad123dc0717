package dev.lyne.lm.model;

/**
 * What decides the last bits of a computed row, besides model and tokens.
 *
 * @param torchVersion PyTorch version, as "2.7.1"
 * @param device device model
 * @param cpuCapability instruction set and the shapes whose products go through oneDNN, as "AVX2, oneDNN 704x256"
 * @param arithmeticVersion version of the arithmetic that computes rows, 1 or more; whoever computes them raises it with every change
 *     that moves a bit
 * @param threads threads of one forward
 */
public record ExecutionFingerprint(
        String torchVersion,
        String device,
        String cpuCapability,
        int arithmeticVersion,
        int threads,
        ComputePrecision precision) {
    /** For people, on one line. */
    @Override
    public String toString() {
        return "torch " + torchVersion + ", " + device + (cpuCapability.isEmpty() ? "" : ", " + cpuCapability)
                + ", arithmetic " + arithmeticVersion + ", "
                + threads + " threads, " + precision.torchName();
    }
}
