package dev.lyne.student.client;

/**
 * What decides the last bits of a teacher's rows besides model and tokens.
 *
 * @param torchVersion PyTorch version, as "2.7.1"
 * @param device device model
 * @param cpuCapability instruction set, as "AVX2"; empty on other devices
 * @param threads threads of one forward
 * @param computePrecision "float32", "bfloat16" or "float16"
 */
public record TeacherFingerprint(
        String torchVersion, String device, String cpuCapability, int threads, String computePrecision) {
<<<<<<< HEAD
    /** For people, on one line. */
    @Override
    public String toString() {
        return "torch " + torchVersion + ", " + device + (cpuCapability.isEmpty() ? "" : ", " + cpuCapability) + ", "
                + threads + " threads, " + computePrecision;
=======
    /** For people. */
    @Override
    public String toString() {
        return "torch " + torchVersion + ", " + device + (cpuCapability.isEmpty() ? "" : ", " + cpuCapability) + ", "
                + threads + (threads == 1 ? " thread, " : " threads, ") + computePrecision;
>>>>>>> 45f8e84 (Count progress, not connection: choose replicas by measured rate, move what is stuck, and outlive sleep, hung addresses and mixed machines)
    }
}
