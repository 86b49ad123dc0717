package dev.lyne.lm.model;

/** What decides the last bits of a computed row, besides model and tokens. */
public record ExecutionFingerprint(
        String torchVersion, String device, String cpuCapability, int threads, ComputePrecision precision) {
    /** For people, on one line. */
    @Override
    public String toString() {
        return "torch " + torchVersion + ", " + device + (cpuCapability.isEmpty() ? "" : ", " + cpuCapability) + ", "
                + threads + " threads, " + precision.torchName();
    }
}
