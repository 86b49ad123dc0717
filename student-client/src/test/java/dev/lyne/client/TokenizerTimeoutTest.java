package dev.lyne.client;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.protobuf.ByteString;
import dev.lyne.v1.GetTokenizerResponse;
import io.grpc.Status;
import io.grpc.stub.StreamObserver;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongSupplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A tokenizer is waited for as rows are: for as long as the options say, and people hear of it. */
@Timeout(60)
final class TokenizerTimeoutTest {
    private static final byte[] TOKENIZER = "{}".getBytes(StandardCharsets.UTF_8);

    @TempDir
    Path directory;

    private final List<String> lines = Collections.synchronizedList(new ArrayList<>());

    private ClientOptions options(int retrySeconds) {
        return Students.optionsBuilder()
                .retryFor(Duration.ofSeconds(retrySeconds))
                .listener(lines::add)
                .build();
    }

    /** A clock that goes on by a second whenever it is looked at. */
    private static LongSupplier secondEachLook() {
        AtomicLong seconds = new AtomicLong();
        return () -> Duration.ofSeconds(seconds.incrementAndGet()).toNanos();
    }

    private static void send(StreamObserver<GetTokenizerResponse> responses) {
        send(responses, TOKENIZER);
    }

    /** Sends a tokenizer that is announced as the right one. */
    private static void send(StreamObserver<GetTokenizerResponse> responses, byte[] bytes) {
        try {
            responses.onNext(GetTokenizerResponse.newBuilder()
                    .setFileName("tokenizer.json")
                    .setFileBytes(TOKENIZER.length)
                    .setFileSha256(ByteString.copyFrom(
                            MessageDigest.getInstance("SHA-256").digest(TOKENIZER)))
                    .setPart(ByteString.copyFrom(bytes))
                    .build());
        } catch (java.security.NoSuchAlgorithmException e) {
            throw new AssertionError(e);
        }
        responses.onCompleted();
    }

    @Test
    void into_nobodyThere_saysSoAndGivesUpAfterTheTimeout() {
        assertThatThrownBy(() -> TokenizerDownload.into(directory, "127.0.0.1:1", options(40), secondEachLook()))
                .isInstanceOf(TeacherUnavailableException.class)
                .hasMessageContaining("teacher 127.0.0.1:1: connection refused");
        assertThat(lines)
                .hasSizeGreaterThanOrEqualTo(2)
                .allMatch(line -> line.startsWith("waiting for a teacher for ")
                        && line.contains(" (for 40 s at most): teacher 127.0.0.1:1: "));
    }

    @Test
    void into_firstAddressRefuses_theOtherSends() throws Exception {
        try (FakeTeacher teacher = new FakeTeacher(1)) {
            teacher.tokenizer = TokenizerTimeoutTest::send;
            TokenizerDownload.into(directory, "127.0.0.1:1," + teacher.address(), options(40));
            assertThat(directory.resolve("tokenizer.json")).hasBinaryContent(TOKENIZER);
        }
    }

    /** The one that describes the teacher first, at that. */
    @Test
    void into_firstToAnswerDoesNotSendIt_theOtherDoes() throws Exception {
        try (FakeTeacher refusing = new FakeTeacher(1);
                FakeTeacher sending = new FakeTeacher(1)) {
            sending.descriptionRefusal =
                    Status.UNAVAILABLE.withDescription("loading").asRuntimeException();
            sending.tokenizer = TokenizerTimeoutTest::send;
            TokenizerDownload.into(directory, refusing.address() + "," + sending.address(), options(40));
            assertThat(directory.resolve("tokenizer.json")).hasBinaryContent(TOKENIZER);
        }
    }

    @Test
    void into_serverBreaksOffTwice_isAskedAgainAndSaidOnce() throws Exception {
        try (FakeTeacher teacher = new FakeTeacher(1)) {
            AtomicInteger asked = new AtomicInteger();
            teacher.tokenizer = responses -> {
                if (asked.incrementAndGet() <= 2) {
                    responses.onError(
                            Status.UNAVAILABLE.withDescription("draining").asRuntimeException());
                } else {
                    send(responses);
                }
            };
            TokenizerDownload.into(directory, teacher.address(), options(40));
            assertThat(asked).hasValue(3);
            assertThat(directory.resolve("tokenizer.json")).hasBinaryContent(TOKENIZER);
            assertThat(lines)
                    .containsExactly("waiting for the teacher's tokenizer for 0 s (for 40 s at most): teacher "
                            + teacher.address() + ": draining");
        }
    }

    @Test
    void into_serverBreaksOffForEver_givesUpAfterTheTimeout() throws Exception {
        try (FakeTeacher teacher = new FakeTeacher(1)) {
            teacher.tokenizer = responses -> responses.onError(
                    Status.UNAVAILABLE.withDescription("draining").asRuntimeException());
            assertThatThrownBy(
                            () -> TokenizerDownload.into(directory, teacher.address(), options(20), secondEachLook()))
                    .isInstanceOf(TeacherUnavailableException.class)
                    .hasMessage("teacher " + teacher.address() + ": draining");
        }
    }

    /** As a network that turns bits over has it: in an answer, and in what the server hears. */
    @Test
    void into_garbledTwice_isAskedAgain() throws Exception {
        try (FakeTeacher teacher = new FakeTeacher(1)) {
            AtomicInteger asked = new AtomicInteger();
            teacher.tokenizer = responses -> {
                switch (asked.incrementAndGet()) {
                    case 1 -> send(responses, "{:".getBytes(StandardCharsets.UTF_8));
                    case 2 ->
                        responses.onError(FakeTeacher.failure(
                                Status.Code.INVALID_ARGUMENT, "MALFORMED_MESSAGE", "message: 3 bytes"));
                    default -> send(responses);
                }
            };
            TokenizerDownload.into(directory, teacher.address(), options(40));
            assertThat(asked).hasValue(3);
            assertThat(directory.resolve("tokenizer.json")).hasBinaryContent(TOKENIZER);
            assertThat(lines)
                    .hasSize(1)
                    .first()
                    .asString()
                    .contains("teacher " + teacher.address()
                            + ": the server sent 2 bytes of tokenizer.json (expected: the 2 bytes of the SHA-256");
        }
    }

    @Test
    void into_garbledAgainAndAgain_isRefusedAfterAFewTries() throws Exception {
        try (FakeTeacher teacher = new FakeTeacher(1)) {
            AtomicInteger asked = new AtomicInteger();
            teacher.tokenizer = responses -> {
                asked.incrementAndGet();
                send(responses, "{:".getBytes(StandardCharsets.UTF_8));
            };
            assertThatThrownBy(() -> TokenizerDownload.into(directory, teacher.address(), options(40)))
                    .isInstanceOf(TeacherRefusedException.class)
                    .hasMessageContaining("teacher " + teacher.address()
                            + ": the server sent 2 bytes of tokenizer.json (expected: the 2 bytes of the SHA-256");
            assertThat(asked).hasValue(3);
        }
    }

    @Test
    void into_serverWithoutATokenizer_isNotAskedAgain() throws Exception {
        try (FakeTeacher teacher = new FakeTeacher(1)) {
            assertThatThrownBy(() -> TokenizerDownload.into(directory, teacher.address(), options(40)))
                    .isInstanceOf(TeacherRefusedException.class)
                    .hasMessageContaining("no tokenizer");
            assertThat(lines).isEmpty();
        }
    }
}
