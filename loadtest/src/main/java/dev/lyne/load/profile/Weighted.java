package dev.lyne.load.profile;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Function;

/** A value and its weight among others. */
record Weighted<T>(T value, double weight) {
    /** Reads {@code value*weight,value*weight,…}; a weight that is not stated is 1. */
    static <T> List<Weighted<T>> parse(String option, String text, Function<String, T> value) {
        List<Weighted<T>> all = new ArrayList<>();
        for (String part : Arrays.asList(text.split(",", -1))) {
            int star = part.indexOf('*');
            double weight = star < 0 ? 1 : Numbers.parse(option, part.substring(star + 1));
            if (!(weight > 0) || Double.isInfinite(weight)) {
                throw new IllegalArgumentException(option + ": weight " + weight + " (expected: above 0)");
            }
            all.add(new Weighted<>(value.apply(star < 0 ? part : part.substring(0, star)), weight));
        }
        return List.copyOf(all);
    }

    /** The one that a number in [0, 1) falls on. */
    static <T> T at(List<Weighted<T>> all, double share) {
        double sum = all.stream().mapToDouble(Weighted::weight).sum();
        double left = share * sum;
        for (Weighted<T> one : all) {
            left -= one.weight();
            if (left < 0) {
                return one.value();
            }
        }
        return all.get(all.size() - 1).value();
    }
}
