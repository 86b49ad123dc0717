package dev.lyne.teacher.model;

import dev.lyne.v1.ExecutionFingerprint;

/** Execution fingerprints as messages of the contract. */
public final class Fingerprints {
    private Fingerprints() {}

    /** The message of a fingerprint. */
    public static ExecutionFingerprint toMessage(dev.lyne.lm.model.ExecutionFingerprint fingerprint) {
        return ExecutionFingerprint.newBuilder()
                .setTorchVersion(fingerprint.torchVersion())
                .setDevice(fingerprint.device())
                .setCpuCapability(fingerprint.cpuCapability())
                .setArithmeticVersion(fingerprint.arithmeticVersion())
                .setThreads(fingerprint.threads())
                .setComputePrecision(fingerprint.precision().torchName())
                .build();
    }
}
