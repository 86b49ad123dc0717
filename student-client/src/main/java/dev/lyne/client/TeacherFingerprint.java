package dev.lyne.client;

/**
 * What decides the last bits of a teacher's rows besides model and tokens.
 *
 * @param torchVersion PyTorch version, as "2.7.1"
 * @param device device model
 * @param cpuCapability instruction set and what multiplies, as "AVX2, oneDNN 704x256"; empty on other devices
 * @param arithmeticVersion version of the server's arithmetic; 0 where it states none
 * @param threads threads of one forward
 * @param computePrecision "float32", "bfloat16" or "float16"
 */
public record TeacherFingerprint(
        String torchVersion,
        String device,
        String cpuCapability,
        int arithmeticVersion,
        int threads,
        String computePrecision) {
    /** For people, on one line. */
    @Override
    public String toString() {
        return "torch " + torchVersion + ", " + device + (cpuCapability.isEmpty() ? "" : ", " + cpuCapability)
                + ", arithmetic " + Integer.toUnsignedString(arithmeticVersion) + ", "
                + threads + (threads == 1 ? " thread, " : " threads, ") + computePrecision;
    }
}
