package dev.lyne.lm.engine;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lyne.lm.engine.WeightLayout.Place;
import dev.lyne.lm.model.ModelConfiguration;
import org.junit.jupiter.api.Test;

final class WeightLayoutTest {
    private static final ModelConfiguration SHAPE =
            ModelConfiguration.llama(new ModelConfiguration.Sizes(61, 64, 32, 1), 4, 2, 48, 10_000, true);

    @Test
    void merged_ofALlama_putsQueriesKeysAndValuesInOneAndKeepsEveryNumber() {
        WeightLayout layout = WeightLayout.merged(SHAPE);
        String attention = "model.layers.0.self_attn.";
        assertThat(layout.shapes().get(attention + "qkv_proj.weight")).containsExactly(64, 32);
        assertThat(layout.shapes()).doesNotContainKeys(attention + "q_proj.weight", attention + "v_proj.weight");
        assertThat(layout.places())
                .containsEntry(attention + "q_proj.weight", new Place(attention + "qkv_proj.weight", 0))
                .containsEntry(attention + "k_proj.weight", new Place(attention + "qkv_proj.weight", 32 * 32))
                .containsEntry(attention + "v_proj.weight", new Place(attention + "qkv_proj.weight", 48 * 32))
                .containsOnlyKeys(SHAPE.expectedTensors().keySet());
        assertThat(layout.shapes().values().stream()
                        .mapToLong(WeightLayoutTest::elements)
                        .sum())
                .isEqualTo(SHAPE.parameters());
    }

    @Test
    void asStored_placesEachTensorInItself() {
        WeightLayout layout = WeightLayout.asStored(SHAPE);
        assertThat(layout.shapes()).containsOnlyKeys(SHAPE.expectedTensors().keySet());
        layout.places().forEach((name, place) -> assertThat(place).isEqualTo(new Place(name, 0)));
    }

    private static long elements(long[] shape) {
        long elements = 1;
        for (long size : shape) {
            elements *= size;
        }
        return elements;
    }
}
