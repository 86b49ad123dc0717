package dev.lyne.load.result;

import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.zip.DataFormatException;
import org.HdrHistogram.Histogram;

/** Histograms of microseconds as text, so that results of several processes can be added: HdrHistogram's compressed form in base64. */
public final class Histograms {
    /** Percentiles that reports name. */
    private static final double[] PERCENTILES = {50, 90, 95, 99, 99.9};

    private Histograms() {}

    /** Returns a histogram as text. */
    public static String write(Histogram histogram) {
        ByteBuffer bytes = ByteBuffer.allocate(histogram.getNeededByteBufferCapacity());
        int length = histogram.encodeIntoCompressedByteBuffer(bytes);
        return Base64.getEncoder().encodeToString(Arrays.copyOf(bytes.array(), length));
    }

    /** Reads a histogram from its text. */
    public static Histogram read(String text) {
        try {
            return Histogram.decodeFromCompressedByteBuffer(
                    ByteBuffer.wrap(Base64.getDecoder().decode(text)), 0);
        } catch (DataFormatException e) {
            throw new IllegalArgumentException("a histogram cannot be read (expected: what load --json wrote)", e);
        }
    }

    /** All of them added. */
    public static Histogram sum(List<String> texts) {
        Histogram sum = new Histogram(3);
        texts.forEach(text -> sum.add(read(text)));
        return sum;
    }

    /** Milliseconds by name, with the mean and the greatest; zeros where nothing was recorded. */
    public static Map<String, Double> percentiles(Histogram micros) {
        Map<String, Double> byName = new LinkedHashMap<>();
        for (double percentile : PERCENTILES) {
            byName.put(name(percentile), micros.getValueAtPercentile(percentile) / 1e3);
        }
        byName.put("max", micros.getMaxValue() / 1e3);
        byName.put("mean", micros.getTotalCount() == 0 ? 0 : micros.getMean() / 1e3);
        return byName;
    }

    private static String name(double percentile) {
        return "p" + (percentile == Math.rint(percentile) ? Long.toString((long) percentile) : "" + percentile);
    }
}
