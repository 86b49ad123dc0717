package dev.lyne.row;

/**
 * All that decides the last bits of a computed row, besides model and tokens.
 *
 * @param torchVersion PyTorch version, as "2.7.1"
 * @param device device model
 * @param cpuCapability instruction set and the shapes whose products go through oneDNN, as "AVX2, oneDNN 704x256"; empty on other devices
 * @param arithmeticVersion version of the arithmetic that computes rows, 1 or more; whoever computes them raises it with every change
 *     that moves a bit. 0 where a server states none
 * @param threads threads of one forward
 * @param computePrecision "float32", "bfloat16" or "float16"
 */
public record ExecutionFingerprint(
        String torchVersion,
        String device,
        String cpuCapability,
        int arithmeticVersion,
        int threads,
        String computePrecision) {
    /** The fingerprint of a message. */
    public static ExecutionFingerprint of(dev.lyne.v1.ExecutionFingerprint message) {
        return new ExecutionFingerprint(
                message.getTorchVersion(),
                message.getDevice(),
                message.getCpuCapability(),
                message.getArithmeticVersion(),
                message.getThreads(),
                message.getComputePrecision());
    }

    /** The fingerprint as a message of the contract. */
    public dev.lyne.v1.ExecutionFingerprint toMessage() {
        return dev.lyne.v1.ExecutionFingerprint.newBuilder()
                .setTorchVersion(torchVersion)
                .setDevice(device)
                .setCpuCapability(cpuCapability)
                .setArithmeticVersion(arithmeticVersion)
                .setThreads(threads)
                .setComputePrecision(computePrecision)
                .build();
    }

    /** All values, apart by slashes, those that are empty, too. */
    public String joined() {
        return String.join(
                "/",
                torchVersion,
                device,
                cpuCapability,
                "arithmetic " + Integer.toUnsignedString(arithmeticVersion),
                Integer.toUnsignedString(threads) + " threads",
                computePrecision);
    }

    /** Returns the fingerprint on one line, for people. */
    @Override
    public String toString() {
        return "torch " + torchVersion + ", " + device + (cpuCapability.isEmpty() ? "" : ", " + cpuCapability)
                + ", arithmetic " + Integer.toUnsignedString(arithmeticVersion) + ", "
                + threads + (threads == 1 ? " thread, " : " threads, ") + computePrecision;
    }
}
