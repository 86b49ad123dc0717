package dev.lyne.load.bench;

import dev.lyne.lm.model.ModelConfiguration;
import dev.lyne.row.ScoreItem;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.stream.IntStream;

/** A model to measure a forward of, all tied, and the number of sequences that it scores at a time. */
record ForwardShape(ModelConfiguration configuration, int batch) {
    static final int TOKENS = 256;

    private static final int CONTEXT = 2_048;
    private static final Map<String, ForwardShape> SHAPES = shapes();

    private static Map<String, ForwardShape> shapes() {
        Map<String, ForwardShape> shapes = new LinkedHashMap<>();
        shapes.put(
                "demo",
                new ForwardShape(
                        ModelConfiguration.llama(
                                new ModelConfiguration.Sizes(4_096, CONTEXT, 256, 7), 4, 2, 704, 1e4, true),
                        16));
        shapes.put(
                "135m",
                new ForwardShape(
                        ModelConfiguration.llama(
                                new ModelConfiguration.Sizes(49_152, CONTEXT, 576, 30), 9, 3, 1_536, 1e4, true),
                        4));
        shapes.put(
                "1024",
                new ForwardShape(
                        ModelConfiguration.llama(
                                new ModelConfiguration.Sizes(4_096, CONTEXT, 1_024, 4), 16, 8, 2_816, 1e4, true),
                        8));
        shapes.put(
                "2048",
                new ForwardShape(
                        ModelConfiguration.llama(
                                new ModelConfiguration.Sizes(4_096, CONTEXT, 2_048, 4), 32, 8, 5_632, 1e4, true),
                        4));
        return shapes;
    }

    /** The names. */
    static List<String> names() {
        return List.copyOf(SHAPES.keySet());
    }

    /** The shape of that name: demo, 135m, or the width of one of four layers. */
    static ForwardShape of(String name) {
        ForwardShape shape = SHAPES.get(name);
        if (shape == null) {
            throw new IllegalArgumentException("--shapes: " + name + " (expected: of " + SHAPES.keySet() + ")");
        }
        return shape;
    }

    /** Random sequences whose positions are all wanted. */
    List<ScoreItem> items() {
        var random = new SplittableRandom(1);
        int[] positions = IntStream.range(0, TOKENS).toArray();
        List<ScoreItem> items = new ArrayList<>();
        for (int i = 0; i < batch; i++) {
            items.add(new ScoreItem(
                    random.ints(TOKENS, 0, configuration.sizes().vocabulary()).toArray(), positions));
        }
        return items;
    }
}
