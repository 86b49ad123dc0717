package dev.lyne.student.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lyne.student.loss.DistillationLoss;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class SettingsTest {
    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "top_k|0|top_k: 0 (expected: 1..1048576)",
                "top_p|0 selection=top_p_k|top_p: 0 (expected: above 0.0, at most 1.0)",
                "top_p|0.5|top_p: 0.5 (expected: not given with selection=top_k)",
                "top_k|5 selection=draws|top_k: 5 (expected: not given with selection=draws)",
                "head|5 selection=chosen|head: 5 (expected: not given with selection=chosen)",
                "truncate_at|tempered|truncate_at: tempered (expected: not given with selection=top_k)",
                "top_fraction|2 selection=top_fraction|top_fraction: 2 (expected: above 0.0, at most 1.0)",
                "draws|0 selection=draws|draws: 0 (expected: 1..65536)",
                "selection|label_only|selection: label_only (expected: top_k, top_p_k, top_fraction, draws, chosen; there"
                        + " is nothing to learn from the label alone)",
                "selection|top-p-k|selection: top-p-k (expected: top_p_k)",
                "selection|best|selection: best (expected: top_k, top_p_k, top_fraction, draws, chosen)",
                "selection|draws teacher_temperature=2|teacher_temperature: 2.0 (expected: 1 with selection=draws,"
                        + " which are drawn at 1)",
                "row_precision|float16|row_precision: float16 (expected: exact, half, compact)",
                "teacher_temperature|0.009|teacher_temperature: 0.009 (expected: from 0.01, at most 1000.0)",
                "student_temperature|1e-50|student_temperature: 1e-50 (expected: from 0.01, at most 1000.0)",
                "student_temperature|0.009|student_temperature: 0.009 (expected: from 0.01, at most 1000.0)",
                "student_temperature|1001|student_temperature: 1001 (expected: from 0.01, at most 1000.0)",
                "learning_rate|1e-50|learning_rate: 1e-50 (expected: from 1.0E-12, at most 10.0)",
                "clip_norm|1e-50|clip_norm: 1.0E-50 (expected: 0, or from 1.0E-12)",
                "epsilon|1e-50|epsilon: 1e-50 (expected: from 1.0E-37, at most 1.0)",
                "selection|chosen loss=akl|selection: chosen (expected: one that keeps the teacher's most probable"
                        + " token, which loss=akl has in its head)",
                "alpha|1.5|alpha: 1.5 (expected: from 0.0, at most 1.0)",
                "alpha|0.5|alpha: 0.5 (expected: 0 where neither teacher nor targets are given)",
                "teacher|h:1|alpha: 0.0 (expected: above 0 where teacher or targets are given)",
                "targets|d|alpha: 0.0 (expected: above 0 where teacher or targets are given)",
                "batch|many|batch: many (expected: a whole number, 1..1048576)",
                "context|1|context: 1 (expected: 2..16777216)",
                "learning_rate|NaN|learning_rate: NaN (expected: from 1.0E-12, at most 10.0)",
                "schedule|step|schedule: step (expected: constant, linear_up, linear_down, cosine, wsd, periodic)",
                "schedule|periodic|period_steps: 0 (expected: 1 or more with schedule=periodic)",
                "period_steps|5|period_steps: 5 (expected: 0 with schedule=cosine)",
                "warmup_steps|10% schedule=linear_up|warmup_steps: 10.0% (expected: 0 with schedule=linear_up, which"
                        + " rises all along)",
                "warmup_steps|200%|warmup_steps: 200% (expected: steps, or per cent of them, above 0% and at most"
                        + " 100%)",
                "alpha_schedule|wsd|alpha_decay_steps: 0 (expected: 1 or more with alpha_schedule=wsd)",
                "alpha_warmup_steps|9 steps=8|alpha_warmup_steps: 9 (expected: at most 8 of steps=8 with"
                        + " alpha_schedule=constant)",
                "final_alpha|0.5|final_alpha: 0.5 (expected: at most alpha=0.0)",
                "temperature_schedule|wsd|temperature_schedule: wsd (expected: constant, linear_up, linear_down,"
                        + " cosine)",
                "final_temperature|2|final_temperature: 2 (expected: not given with temperature_schedule=constant)",
                "final_temperature|2 temperature_schedule=cosine|final_temperature: 2.0 (expected: at most"
                        + " teacher_temperature=1.0)",
                "truncate_at|tempered selection=top_p_k teacher_temperature=2 temperature_schedule=cosine|truncate_at:"
                        + " tempered (expected: raw with a temperature_schedule)",
                "loss|kl|loss: kl (expected: forward_kl, reverse_kl, jsd, skew_forward_kl, skew_reverse_kl,"
                        + " total_variation, soft_cross_entropy, mse_logits, akl, taid, slim, decoupled_top_k,"
                        + " decoupled_top_k_unweighted, random_sampling, or the full name"
                        + " of a loss of your own)",
                "loss|no.such.Loss|loss: no.such.Loss (expected: a class on the class path)",
                "loss|java.lang.String|loss: java.lang.String is no loss (expected: a class that implements"
                        + " dev.lyne.student.loss.Loss)",
                "loss|reverse_kl selection=draws|loss: reverse_kl on draws, where it is biased (expected: one of"
                        + " forward_kl, soft_cross_entropy, random_sampling)",
                "loss|random_sampling|loss: random_sampling without draws (expected: a selection that draws)",
                "loss|mse_logits row_precision=compact|row_precision: compact (expected: exact or half with"
                        + " loss=mse_logits, which takes logits)",
                "missing_mass|zero loss=jsd|missing_mass: zero with loss=jsd (expected: tail_bucket,"
                        + " both_renormalised)",
                "missing_mass|none|missing_mass: none (expected: tail_bucket, renormalised, zero, both_renormalised,"
                        + " uniform, residual_to_gold)",
                "rollouts|6 on_policy_share=1|rollouts: 6 (expected: a multiple of batch=16)",
                "teacher_mixing|1.5 on_policy_share=1|teacher_mixing: 1.5 (expected: from 0.0, at most 1.0)",
                "teacher_mixing|0.2|teacher_mixing: 0.2 (expected: not given with on_policy_share=0, where the student writes"
                        + " nothing)",
                "policy|k1_loss on_policy_share=1|policy: k1_loss (expected: none, returns, k1_advantage, k2_loss or k3_loss:"
                        + " its gradient has mean 0)",
                "policy|k2_advantage on_policy_share=1|policy: k2_advantage (expected: none, returns, k1_advantage, k2_loss or"
                        + " k3_loss: its gradient is no divergence's)",
                "single_step|false on_policy_share=1|single_step: false (expected: true with policy=none, where nothing else"
                        + " is minimised)",
                "policy|k2_loss on_policy_share=1 teacher_mixing=0.2|policy: k2_loss (expected: none, returns or k1_advantage"
                        + " where teacher_mixing is not 0 or rollout_temperature or rollout_top_p not 1, as it does not make up"
                        + " for draws that are not the student's)",
                "policy|k3_loss on_policy_share=1 rollout_top_p=0.9|policy: k3_loss (expected: none, returns or k1_advantage"
                        + " where teacher_mixing is not 0 or rollout_temperature or rollout_top_p not 1, as it does not make up"
                        + " for draws that are not the student's)",
                "own_text_loss|no.such.Loss on_policy_share=1|own_text_loss: no.such.Loss (expected: a class on the class path)",
                "own_text_loss|reverse_kl on_policy_share=1 loss=mse_logits|own_text_loss: reverse_kl with loss=mse_logits (expected:"
                        + " a loss on data that is not of raw logits)",
                "own_text_loss|akl on_policy_share=1 single_step_rows=student_ids|single_step_rows: student_ids (expected: one that"
                        + " keeps the teacher's most probable token, which own_text_loss=akl has in its head)",
                "single_step_rows|student_ids on_policy_share=1 loss=akl|single_step_rows: student_ids (expected: one that"
                        + " keeps the teacher's most probable token, which loss=akl has in its head)",
                "own_text_loss|akl on_policy_share=1 selection=chosen|selection: chosen (expected: one that keeps the"
                        + " teacher's most probable token, which own_text_loss=akl has in its head)",
                "single_step_rows|student_ids on_policy_share=1 selection=draws|single_step_rows: student_ids (expected:"
                        + " top_k_tail or whole with selection=draws, whose shares of draws have no tail)",
                "own_text_loss|taid on_policy_share=1|own_text_loss: taid with loss=forward_kl (expected: the same loss,"
                        + " where one of them learns from step to step)",
                "own_text_loss|reverse_kl on_policy_share=1 loss=taid|own_text_loss: reverse_kl with loss=taid (expected: the"
                        + " same loss, where one of them learns from step to step)",
                "own_text_loss|com.example.losses.FadingSkew on_policy_share=1|own_text_loss: com.example.losses.FadingSkew"
                        + " with loss=forward_kl (expected: the same loss, where one of them learns from step to step)",
                "whitening|batch on_policy_share=1|whitening: batch (expected: none, tokens, padded)",
                "discount|1.1 on_policy_share=1|discount: 1.1 (expected: above 0.0, at most 1.0)",
                "ratio_clip|2 on_policy_share=1 policy=k2_loss|ratio_clip: 2 (expected: from 0.0, at most 1.0)",
                "rollout_temperature|1e-46 on_policy_share=1|rollout_temperature: 1e-46 (expected: from 0.01, at most 100.0)",
                "rollout_top_p|0.9 on_policy_share=1 teacher_mixing=0.2|mixing_form: coin (expected: step where"
                        + " rollout_temperature and rollout_top_p are not 1, since the student's coin mixes whole distributions)",
                "on_policy_rise|0.2 on_policy_share=1|on_policy_rise: 0.2 (expected: not given with on_policy_schedule=constant)",
                "replay_schedule|constant on_policy_share=1|replay_schedule: constant (expected: not given with replay_capacity=0)",
                "on_policy_schedule|adaptive|on_policy_schedule: adaptive (expected: constant where held_out is not given or"
                        + " evaluate_every is 0, as it follows the held-out loss)",
                "replay_capacity|8 on_policy_share=1|replay_capacity: 8 (expected: 0, or at least batch=16)",
                "ppo_epochs|2 on_policy_share=1 replay_capacity=32|ppo_epochs: 2 (expected: 1 with replay_capacity above 0, which"
                        + " has responses trained on again)",
                "rollouts|32 on_policy_share=1 replay_capacity=32|rollouts: 32 (expected: batch=16 with replay_capacity above 0,"
                        + " which decides step by step)",
                "policy|k2_loss on_policy_share=1 replay_capacity=32|policy: k2_loss (expected: none with replay_capacity above"
                        + " 0, as its draws are of a student of long before)",
                "max_staleness|1 on_policy_share=1 replay_capacity=32|max_staleness: 1 (expected: 0 with on_policy_schedule=adaptive"
                        + " or replay_capacity above 0, where no step is known ahead)",
                "on_policy_share|0.5 alpha=0|on_policy_share: 0.5 (expected: 0 where no teacher is given, as nobody can score"
                        + " what the student writes)",
                "loss_parameter|2 loss=jsd|loss_parameter: 2.0 with loss=jsd (expected: beta, 0.0 to 1.0)",
                "loss_parameter|0.5|loss_parameter: 0.5 with loss=forward_kl (expected: none given, as it takes no"
                        + " number)",
                "loss_parameter|1 loss=slim|loss_parameter: 1 (expected: not given with loss=slim; see slim_ratio)",
                "slim_ratio|student_over_teacher|slim_ratio: student_over_teacher (expected: not given with"
                        + " loss=forward_kl)",
                "loss_parameter|0.5 loss=taid|loss_parameter: 0.5 (expected: not given with loss=taid; see taid_start)",
                "taid_start|0 loss=taid|taid_start: 0 (expected: above 0.0, at most 1.0)",
                "taid_start|0.5|taid_start: 0.5 (expected: not given with loss=forward_kl)",
                "precision|float16|precision: float16 (expected: float32, bfloat16)",
                "device|gpu|device: gpu (expected: cpu or cuda:N)",
                "evaluate_every|5|evaluate_every: 5 (expected: 0 where held_out is not given)",
                "teacher_name|t|teacher_name: t (expected: empty where no teacher is given)",
                "warmup_steps|9 steps=8|warmup_steps: 9 (expected: at most 7 of steps=8 with schedule=cosine)",
                "warmup_steps|8 steps=8|warmup_steps: 8 (expected: at most 7 of steps=8 with schedule=cosine)",
                "warmup_steps|9 steps=8 schedule=constant|warmup_steps: 9 (expected: at most 8 of steps=8 with"
                        + " schedule=constant)",
                "warmup_steps|6 steps=8 schedule=wsd decay_steps=3|warmup_steps: 6 (expected: at most 5 of steps=8"
                        + " with schedule=wsd)",
                "decay_steps|9 steps=8 schedule=wsd|decay_steps: 9 (expected: at most 8 of steps=8)",
                "decay_steps|0 schedule=wsd|decay_steps: 0 (expected: 1 or more with schedule=wsd)",
                "decay_steps|3|decay_steps: 3 (expected: 0 with schedule=cosine)",
                "teacher|nowhere alpha=1|teacher address: 'nowhere' (expected: HOST:PORT or dns:///NAME:PORT, several"
                        + " apart by commas)",
                "beta1|1|beta1: 1 (expected: from 0.0, at most 0.99999)",
                "min_coverage|2|min_coverage: 2 (expected: from 0.0, at most 1.0)",
                "row_chunk|0|row_chunk: 0 (expected: 1..1048576)",
                "keep_checkpoints|0|keep_checkpoints: 0 (expected: 1..1048576)",
                "stored_type|int8|stored_type: int8 (expected: float32, bfloat16, float16)",
                "final_learning_rate|1|final_learning_rate: 1.0 (expected: at most learning_rate=0.001)",
            })
    void of_valueOutOfRange_namesValueAndExpectation(String key, String value, String message) {
        Map<Setting, List<String>> flags = new EnumMap<>(Setting.class);
        flags.put(Setting.OUT, List.of("o"));
        flags.put(Setting.STUDENT, List.of("s"));
        flags.put(Setting.CORPUS, List.of("c"));
        String[] values = value.split(" ");
        flags.put(Setting.ofKey(key, "test"), List.of(values[0]));
        for (String other : List.of(values).subList(1, values.length)) {
            String[] pair = other.split("=");
            flags.put(Setting.ofKey(pair[0], "test"), List.of(pair[1]));
        }
        assertThatThrownBy(() -> TrainingConfig.of(Settings.of(flags)))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage(message);
    }

    @ParameterizedTest
    @CsvSource({"skew_forward_kl, skew_reverse_kl, 0.3", "jsd, skew_reverse_kl, 0.1", "skew_forward_kl, , 0.3"})
    void of_lossParameter_isThatOfOwnTextWhereItIsTheSameQuantity(String loss, @Nullable String own, double expected) {
        Map<Setting, List<String>> flags = new EnumMap<>(Setting.class);
        flags.put(Setting.OUT, List.of("o"));
        flags.put(Setting.STUDENT, List.of("s"));
        flags.put(Setting.CORPUS, List.of("c"));
        flags.put(Setting.TEACHER, List.of("127.0.0.1:1"));
        flags.put(Setting.ALPHA, List.of("1"));
        flags.put(Setting.LOSS, List.of(loss));
        flags.put(Setting.LOSS_PARAMETER, List.of("0.3"));
        flags.put(Setting.ON_POLICY_SHARE, List.of("0.5"));
        if (own != null) {
            flags.put(Setting.OWN_TEXT_LOSS, List.of(own));
        }
        DistillationLoss found =
                TrainingConfig.of(Settings.of(flags)).distillation().loss();
        assertThat(found.parameter()).hasValue(0.3);
        assertThat(found.ownText().orElseThrow().parameter()).hasValue(expected);
    }

    @Test
    void of_boundOfKeysAndValuesWithoutOwnText_isLeftToTheServer() {
        Map<Setting, List<String>> flags = new EnumMap<>(Setting.class);
        flags.put(Setting.OUT, List.of("o"));
        flags.put(Setting.STUDENT, List.of("s"));
        flags.put(Setting.CORPUS, List.of("c"));
        flags.put(Setting.KV_CACHE_MIB, List.of("4096"));
        assertThat(TrainingConfig.of(Settings.of(flags)).onPolicy()).isEmpty();
    }

    @Test
    void of_requiredSettingMissing_saysWhatItIs() {
        assertThatThrownBy(() -> TrainingConfig.of(Settings.of(Map.of())))
                .hasMessageMatching("(student|out): not given \\(expected: .*\\)");
    }
}
