package dev.lyne.student.train;

import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import java.util.EnumMap;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** A loss of tails is not minimised on tails that are noise. */
final class TailErrorTest {
    @TempDir
    private Path directory;

    private TinyRun tiny;

    @BeforeEach
    void write() throws Exception {
        tiny = new TinyRun(directory);
    }

    private TrainingConfig.Distillation with(String loss, String most) throws Exception {
        return with(loss, most, Map.of());
    }

    private TrainingConfig.Distillation with(String loss, String most, Map<Setting, String> others) throws Exception {
        Map<Setting, String> settings = new EnumMap<>(Setting.class);
        settings.putAll(others);
        settings.put(Setting.TEACHER, "localhost:1");
        settings.put(Setting.ALPHA, "0.5");
        settings.put(Setting.LOSS, loss);
        settings.put(Setting.MAX_TAIL_ERROR, most);
        return tiny.config("out", settings).distillation();
    }

    @Test
    void reverseKl_beyondMaxTailError_isRefused_andOtherLossesAreNot() throws Exception {
        assertThatThrownBy(() -> RunTargets.requireTails(with("reverse_kl", "1e-7"), 1e-6))
                .hasMessageContaining("loss: reverse_kl")
                .hasMessageContaining("tail_error is 1.0E-6 and --max-tail-error is 1.0E-7");
        TrainingConfig.Distillation enough = with("reverse_kl", "1e-5");
        assertThatCode(() -> RunTargets.requireTails(enough, 1e-6)).doesNotThrowAnyException();
        TrainingConfig.Distillation forward = with("forward_kl", "1e-7");
        assertThatCode(() -> RunTargets.requireTails(forward, 1e-6)).doesNotThrowAnyException();
    }

    @Test
    void ownTextLossThatIsReverse_beyondMaxTailError_isRefusedByItsName() throws Exception {
        TrainingConfig.Distillation own =
                with("forward_kl", "1e-7", Map.of(Setting.ON_POLICY_SHARE, "0.5", Setting.OWN_TEXT_LOSS, "reverse_kl"));
        assertThatThrownBy(() -> RunTargets.requireTails(own, 1e-6))
                .hasMessageContaining("own_text_loss: reverse_kl")
                .hasMessageContaining("tail_error is 1.0E-6 and --max-tail-error is 1.0E-7");
        assertThatCode(() -> RunTargets.requireTails(own, 1e-8)).doesNotThrowAnyException();
    }

    @ParameterizedTest
    @CsvSource({"jsd, 1", "skew_reverse_kl, 0"})
    void lossWhoseNumberMakesItReverseKl_beyondMaxTailError_isRefused(String loss, String number) throws Exception {
        TrainingConfig.Distillation reverse = with(loss, "1e-7", Map.of(Setting.LOSS_PARAMETER, number));
        assertThatThrownBy(() -> RunTargets.requireTails(reverse, 1e-6)).hasMessageContaining("loss: " + loss);
        TrainingConfig.Distillation between = with(loss, "1e-7", Map.of(Setting.LOSS_PARAMETER, "0.5"));
        assertThatCode(() -> RunTargets.requireTails(between, 1e-6)).doesNotThrowAnyException();
    }
}
