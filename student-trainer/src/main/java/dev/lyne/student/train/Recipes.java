package dev.lyne.student.train;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;

/** Settings of published methods that come with the program, one YAML file each beside this class. */
public final class Recipes {
    /** All names. */
    public static final List<String> NAMES = List.of(
            "pretraining_distillation",
            "slim",
            "random_sampling",
            "gkd_off_policy",
            "distillm_off_policy",
            "akl",
            "taid",
            "lfm2",
            "minillm",
            "gkd",
            "on_policy_distillation",
            "distillm",
            "distillm_2");

    private Recipes() {}

    /** The settings of a recipe by their keys; refuses a name that there is not. */
    public static Map<String, List<String>> settings(String name) throws IOException {
        return SettingsFile.parse("recipe " + name, text(name), Setting.keys());
    }

    /** The text of a recipe. */
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
