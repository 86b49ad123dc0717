package dev.lyne.lm.model;

/** What decides the last bits of a computed row, besides model and tokens. */
public record ExecutionFingerprint(
        String torchVersion, String device, String cpuCapability, int threads, ComputePrecision precision) {}
