package dev.lyne.student.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lyne.row.Selection;
import dev.lyne.student.loss.BuiltInLoss;
import java.io.IOException;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

final class RecipesTest {
    static Stream<String> names() {
        return Recipes.NAMES.stream();
    }

    private static TrainingConfig config(String recipe, Map<Setting, String> others) throws IOException {
        Map<Setting, List<String>> flags = new EnumMap<>(Setting.class);
        Recipes.settings(recipe).forEach((key, values) -> flags.put(Setting.ofKey(key, recipe), values));
        flags.put(Setting.OUT, List.of("o"));
        flags.put(Setting.STUDENT, List.of("s"));
        flags.put(Setting.CORPUS, List.of("c"));
        flags.put(Setting.HELD_OUT, List.of("h"));
        flags.put(Setting.TEACHER, List.of("localhost:1"));
        others.forEach((setting, value) -> flags.put(setting, List.of(value)));
        return TrainingConfig.of(Settings.of(flags));
    }

    @ParameterizedTest
    @MethodSource("names")
    void recipe_everyName_isValidCitesItsSourceAndDistils(String name) throws IOException {
        assertThat(Recipes.text(name)).startsWith("#").containsPattern("arXiv|Raman et al");
        assertThat(config(name, Map.of()).distillation().enabled()).isTrue();
    }

    @Test
    void recipe_pretrainingDistillation_pairsBothWarmupStableDecays() throws IOException {
        TrainingConfig config =
                config("pretraining_distillation", Map.of(Setting.STEPS, "200", Setting.LEARNING_RATE, "1"));
        assertThat(config.distillation().selection()).isEqualTo(new Selection.TopPK(0.95, 50, 1, List.of(2f)));
        RunSchedules schedules = RunSchedules.of(config, 200);
        StepValues middle = schedules.at(100, Map.of());
        assertThat(middle).isEqualTo(new StepValues(1, 0.9, 2, 1, Map.of()));
        assertThat(schedules.at(10, Map.of()).alpha()).isEqualTo(0.45);
        assertThat(schedules.at(200, Map.of()).alpha()).isZero();
        // The last of 20 steps of decay still learns.
        assertThat(schedules.at(200, Map.of()).learningRate())
                .isCloseTo((1 + Math.cos(Math.PI * 19 / 20)) / 2, Offset.offset(1e-12));
    }

    @Test
    void recipe_others_takeItsPlace() throws IOException {
        TrainingConfig config = config("gkd_off_policy", Map.of(Setting.TOP_K, "16", Setting.LOSS_PARAMETER, "0.2"));
        assertThat(config.distillation().loss().loss()).isEqualTo(BuiltInLoss.JSD);
        assertThat(config.distillation().loss().parameter()).hasValue(0.2);
        assertThat(config.distillation().selection()).isEqualTo(new Selection.TopK(16, List.of()));
    }

    @Test
    void recipe_impossibleOrUnknown_isRefused() throws IOException {
        assertThatThrownBy(() -> config("distilm", Map.of()))
                .hasMessage(
                        "recipe: distilm (expected: pretraining_distillation, slim, random_sampling, gkd_off_policy,"
                                + " distillm_off_policy, akl, taid, lfm2, minillm, gkd, on_policy_distillation, distillm, distillm_2)");
        assertThatThrownBy(() -> config("random_sampling", Map.of(Setting.LOSS, "reverse_kl")))
                .hasMessageStartingWith("loss: reverse_kl on draws, where it is biased");
    }
}
