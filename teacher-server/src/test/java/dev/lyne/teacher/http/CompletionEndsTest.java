package dev.lyne.teacher.http;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lyne.row.RowSource;
import dev.lyne.teacher.admission.Admission;
import dev.lyne.teacher.admission.ServerLimits;
import dev.lyne.teacher.model.Failure;
import dev.lyne.teacher.model.FakeTeacher;
import dev.lyne.teacher.score.EncodedBlock;
import dev.lyne.teacher.score.EncodedSequence;
import dev.lyne.teacher.score.Scorer;
import dev.lyne.teacher.tenant.Caller;
import dev.lyne.teacher.trace.CallTrace;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.io.ByteArrayInputStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

/** A request that ends by a fault gives back what it was admitted with, once. */
final class CompletionEndsTest {
    private final SimpleMeterRegistry registry = new SimpleMeterRegistry();
    private final RowBudget budget = new RowBudget(1 << 20);

    private Completion completion(String body, Scorer scorer) throws BadRequest {
        CompletionRequest request = CompletionRequest.parse(
                RequestBody.read(new ByteArrayInputStream(body.getBytes(StandardCharsets.UTF_8)), 9));
        HttpTeacher teacher = new HttpTeacher(
                new FakeTeacher("fake", 1_000, 2_048).description(), scorer, Optional.empty(), registry);
        Admission admission = new Admission(ServerLimits.DEFAULT, registry);
        return new Completion(request, teacher, admission, budget, Caller.ANYBODY, CallTrace.NONE);
    }

    private double admitted() {
        return registry.get("lyne.teacher.admitted.tokens").gauge().value();
    }

    /** As single-flight tells a waiter that threw at its rows. */
    @Test
    void rowsThatCannotBeTaken_releaseTheirTokensOnce() throws Exception {
        Completion completion =
                completion("{\"prompt\": [1, 2, 3], \"max_tokens\": 1, \"temperature\": 0}", (task, callback) -> {
                    var noBlock = new EncodedSequence(List.of(new EncodedBlock(2, 1, new byte[8])));
                    try {
                        callback.scored(noBlock, RowSource.COMPUTED, false);
                    } catch (RuntimeException e) {
                        callback.failed(Failure.of(Failure.Reason.SERVER_FAULT, "the answer could not be sent", e));
                    }
                    return () -> false;
                });
        assertThat(completion.start().toCompletableFuture()).isCompletedExceptionally();
        completion.end();
        assertThat(admitted()).isZero();
        assertThat(budget.heldBytes()).isZero();
    }

    @Test
    void faultAsTheSecondIsAskedFor_givesAllBack() throws Exception {
        AtomicInteger asked = new AtomicInteger();
        Completion completion = completion(
                "{\"prompt\": [[1, 2], [3, 4], [5, 6]], \"max_tokens\": 0, \"prompt_logprobs\": 1}",
                (task, callback) -> {
                    if (asked.incrementAndGet() == 2) {
                        throw new IllegalStateException("cannot be asked");
                    }
                    return () -> true;
                });
        assertThatThrownBy(completion::start).hasMessage("cannot be asked");
        assertThat(admitted()).isEqualTo(2);
        completion.end();
        assertThat(admitted()).isZero();
        assertThat(budget.heldBytes()).isZero();
    }
}
