package dev.lyne.load;

import dev.lyne.student.client.RowSource;
import java.util.Map;

/**
 * What a load run measured, over the time that counts and all students.
 *
 * @param students students that ran
 * @param seconds time that counted
 * @param sequences sequences answered
 * @param failedSequences sequences that failed
 * @param positions positions answered
 * @param positionsPerSecond the same a second
 * @param bytesPerSecond block bytes a second
 * @param bytesPerPosition block bytes a position
 * @param hitRatio share of positions not computed for the asker: coalesced or from a tier
 * @param positionsBySource positions of each source
 * @param latencyMillis from offering a sequence to having its checked rows, in order: percentiles by name
 * @param reconnects streams opened anew
 */
public record LoadReport(
        int students,
        double seconds,
        long sequences,
        long failedSequences,
        long positions,
        double positionsPerSecond,
        double bytesPerSecond,
        double bytesPerPosition,
        double hitRatio,
        Map<RowSource, Long> positionsBySource,
        Map<String, Double> latencyMillis,
        long reconnects) {}
