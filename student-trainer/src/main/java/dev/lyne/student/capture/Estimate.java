package dev.lyne.student.capture;

/**
 * Estimate of what a capture will take, from a sample of rows.
 *
 * @param windows windows to capture
 * @param positions rows to capture
 * @param bytesPerPosition of the sampled windows' blocks
 * @param sampledWindows windows scored for it, evenly spread
 * @param bytes files in all
 */
public record Estimate(long windows, long positions, double bytesPerPosition, int sampledWindows, long bytes) {
    /** Bytes of an entry beside its blocks, and of its two index records. */
    private static final int BYTES_A_SEQUENCE = 8 + 4 + 2 * 64;

    static Estimate of(long windows, long positions, double bytesPerPosition, int sampledWindows) {
        return new Estimate(
                windows,
                positions,
                bytesPerPosition,
                sampledWindows,
                Math.round(positions * bytesPerPosition) + windows * BYTES_A_SEQUENCE);
    }
}
