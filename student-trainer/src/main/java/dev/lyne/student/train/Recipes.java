package dev.lyne.student.train;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.List;

/** Settings of published methods that come with the program, one YAML file each beside this class. */
public final class Recipes {
    /** All names. */
    public static final List<String> NAMES = List.of(
            "pretraining_distillation",
            "slim",
            "random_sampling",
            "gkd_off_policy",
            "distillm",
            "akl",
            "taid",
            "lfm2",
            "minillm",
            "gkd",
            "on_policy_distillation",
            "distillm_2");

    private Recipes() {}

    /** The text of a recipe; refuses a name that there is not. */
    static String text(String name) throws IOException {
        if (!NAMES.contains(name)) {
            String respelt = name.replace('-', '_');
            throw new IllegalArgumentException("recipe: " + name + " (expected: "
                    + (NAMES.contains(respelt) ? respelt : String.join(", ", NAMES)) + ")");
        }
        try (InputStream in = Recipes.class.getResourceAsStream("recipes/" + name + ".yaml")) {
            if (in == null) {
                throw new IllegalStateException("recipe " + name + " is missing from the program");
            }
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        }
    }
}
