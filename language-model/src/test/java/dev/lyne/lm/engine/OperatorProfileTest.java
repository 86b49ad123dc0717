package dev.lyne.lm.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.Shape;
import dev.lyne.lm.engine.OperatorProfile.Operator;
import dev.lyne.lm.model.ComputePrecision;
import dev.lyne.lm.model.ModelOptions;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.json.JsonMapper;

/** Where time goes: a trace's nested events, and the real profiler. */
final class OperatorProfileTest {
    private static String event(String name, String thread, double start, double micros) {
        return "{\"name\":\"" + name + "\",\"ph\":\"X\",\"ts\":" + start + ",\"dur\":" + micros + ",\"tid\":\"" + thread
                + "\"}";
    }

    @Test
    void operators_nested_haveTheirOwnTimeAlone() throws IOException {
        String trace = "["
                + String.join(
                        ",",
                        event("b", "1", 110, 400),
                        event("a", "1", 100, 1000),
                        event("c", "1", 200, 100),
                        event("b", "1", 600, 200),
                        event("a", "1", 1100, 500),
                        event("c", "2", 150, 300),
                        "{\"name\":\"mark\",\"ph\":\"i\",\"ts\":1}")
                + "]";
        List<Operator> found = OperatorProfile.operators(JsonMapper.shared().readTree(trace));
        assertThat(found).extracting(Operator::name).containsExactly("a", "b", "c");
        assertThat(found).extracting(Operator::calls).containsExactly(2L, 2L, 2L);
        assertThat(found.get(0).millis()).isCloseTo(0.9, within(1e-9));
        assertThat(found.get(1).millis()).isCloseTo(0.5, within(1e-9));
        assertThat(found.get(2).millis()).isCloseTo(0.4, within(1e-9));
    }

    @Test
    void of_aScript_countsItsOperators() throws IOException {
        String twice = "  def twice(self, x: Tensor) -> Tensor:\n    return torch.mm(torch.mm(x, x), x)\n";
        try (Script script =
                Script.load(List.of(twice), Map.of(), new ModelOptions("cpu", ComputePrecision.FLOAT32, 1))) {
            List<Operator> found = OperatorProfile.of(() -> {
                try (InferenceCall call = script.inference("twice")) {
                    NDArray x = call.manager().ones(new Shape(8, 8));
                    call.tensor(x).run();
                }
            });
            assertThat(found).anySatisfy(operator -> {
                assertThat(operator.name()).isEqualTo("aten::mm");
                assertThat(operator.calls()).isEqualTo(2);
                assertThat(operator.millis()).isPositive();
            });
        }
    }
}
