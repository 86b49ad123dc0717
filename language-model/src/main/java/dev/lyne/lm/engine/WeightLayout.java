package dev.lyne.lm.engine;

import dev.lyne.lm.model.ModelConfiguration;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Where the tensors of a model's files lie in memory.
 *
 * @param shapes of the tensors in memory, by name
 * @param places of the files' tensors, by name
 */
public record WeightLayout(Map<String, long[]> shapes, Map<String, Place> places) {
    private static final Pattern QUERIES = Pattern.compile("(.*\\.self_attn\\.)q_proj(\\.weight|\\.bias)");
    private static final List<String> OTHERS = List.of("k_proj", "v_proj");

    /**
     * A place in a tensor in memory.
     *
     * @param firstElement where a file's tensor begins in it
     */
    public record Place(String tensor, long firstElement) {}

    public WeightLayout {
        shapes = Collections.unmodifiableMap(new LinkedHashMap<>(shapes));
        places = Collections.unmodifiableMap(new LinkedHashMap<>(places));
    }

    /** Each as it stands in the files. */
    public static WeightLayout asStored(ModelConfiguration configuration) {
        Map<String, Place> places = new LinkedHashMap<>();
        configuration.expectedTensors().keySet().forEach(name -> places.put(name, new Place(name, 0)));
        return new WeightLayout(configuration.expectedTensors(), places);
    }

    /** Matrices of queries, keys and values in one, {@code qkv_proj}, rows after rows, since they meet the same states. */
    public static WeightLayout merged(ModelConfiguration configuration) {
        Map<String, long[]> stored = configuration.expectedTensors();
        Map<String, long[]> shapes = new LinkedHashMap<>();
        Map<String, Place> places = new LinkedHashMap<>();
        stored.forEach((name, shape) -> {
            Matcher queries = QUERIES.matcher(name);
            if (!queries.matches()) {
                return;
            }
            String target = queries.group(1) + "qkv_proj" + queries.group(2);
            long[] merged = shape.clone();
            places.put(name, new Place(target, 0));
            for (String other : OTHERS) {
                String part = queries.group(1) + other + queries.group(2);
                places.put(part, new Place(target, elements(merged)));
                merged[0] += Objects.requireNonNull(stored.get(part), part)[0];
            }
            shapes.put(target, merged);
        });
        stored.forEach((name, shape) -> {
            if (places.putIfAbsent(name, new Place(name, 0)) == null) {
                shapes.put(name, shape);
            }
        });
        return new WeightLayout(shapes, places);
    }

    private static long elements(long[] shape) {
        long elements = 1;
        for (long size : shape) {
            elements *= size;
        }
        return elements;
    }
}
