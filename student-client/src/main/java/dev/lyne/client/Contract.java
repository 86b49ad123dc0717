package dev.lyne.client;

import com.google.protobuf.ByteString;
import dev.lyne.row.ExecutionFingerprint;
import dev.lyne.row.TextConventions;
import dev.lyne.v1.ChosenTokens;
import dev.lyne.v1.DecodeRequest;
import dev.lyne.v1.OpenDecode;
import dev.lyne.v1.OpenStream;
import dev.lyne.v1.Sequence;
import dev.lyne.v1.Teacher;
import dev.lyne.v1.TeacherDigests;
import dev.lyne.wire.Digests;
import dev.lyne.wire.Positions;
import java.util.HexFormat;
import java.util.Optional;
import java.util.TreeSet;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/** The library's values as messages of the contract, and back. */
final class Contract {
    private Contract() {}

    static TeacherDescription description(Teacher teacher) {
        return new TeacherDescription(
                teacher.getName(),
                hex(teacher.getDigests().getModelSha256()),
                hex(teacher.getDigests().getTokenizerSha256()),
                ExecutionFingerprint.of(teacher.getExecutionFingerprint()),
                teacher.getVocabularySize(),
                teacher.getContextLength(),
                teacher.getArchitecture(),
                teacher.getParameters(),
                teacher.getDeterministic(),
                teacher.getTailError(),
                new TeacherDescription.Abilities(
                        teacher.getLimits().getMaxK(), teacher.getLimits().getMaxTemperatures(), teacher.getDecodes()),
                teacher.hasTextConventions()
                        ? Optional.of(TextConventions.of(teacher.getTextConventions()))
                        : Optional.empty());
    }

    /** The opening message; digests not stated by the student are those of the teacher that was described to it. */
    static OpenStream open(TargetRequest request, TeacherDescription teacher, ClientOptions options) {
        TeacherExpectation expectation = request.expectation();
        OpenStream.Builder open = OpenStream.newBuilder()
                .setTeacher(options.teacher())
                .setExpectedDigests(TeacherDigests.newBuilder()
                        .setModelSha256(bytes(or(expectation.modelDigest(), teacher.modelDigest())))
                        .setTokenizerSha256(bytes(or(expectation.tokenizerDigest(), teacher.tokenizerDigest()))))
                .setExpectedVocabularySize(teacher.vocabularySize())
                .setSelection(request.selection().toMessage().toBuilder().setRawLogits(request.rawLogits()))
                .setPrecision(request.precision().toMessage())
                .setPriority(options.priority().toMessage())
                .setVouchedOnly(request.vouchedOnly())
                .setStudent(options.student());
        ExecutionFingerprint fingerprint = expectation.fingerprint();
        if (fingerprint != null) {
            open.setExpectedExecutionFingerprint(fingerprint.toMessage());
        }
        return open.build();
    }

    /** The opening message of a decoding; digests not stated are those of the teacher that was described. */
    static DecodeRequest openDecode(DecodeSettings settings, TeacherDescription teacher, ClientOptions options) {
        TeacherExpectation expectation = settings.expectation();
        OpenDecode.Builder open = OpenDecode.newBuilder()
                .setTeacher(options.teacher())
                .setExpectedDigests(TeacherDigests.newBuilder()
                        .setModelSha256(bytes(or(expectation.modelDigest(), teacher.modelDigest())))
                        .setTokenizerSha256(bytes(or(expectation.tokenizerDigest(), teacher.tokenizerDigest()))))
                .setExpectedVocabularySize(teacher.vocabularySize())
                .setTemperature(settings.temperature())
                .setTopP(settings.topP())
                .setSeed(settings.seed())
                .addAllStopTokenIds(new TreeSet<>(settings.stopIds()))
                .setPriority(options.priority().toMessage())
                .setStudent(options.student());
        ExecutionFingerprint fingerprint = expectation.fingerprint();
        if (fingerprint != null) {
            open.setExpectedExecutionFingerprint(fingerprint.toMessage());
        }
        return DecodeRequest.newBuilder().setOpen(open).build();
    }

    /** The digests and sizes that a block's header must repeat. */
    static BlockIdentity identity(Teacher teacher, TargetRequest request) {
        return new BlockIdentity(
                request.selection(),
                request.precision(),
                request.rawLogits(),
                teacher.getVocabularySize(),
                teacher.getDigests().getModelSha256().toByteArray(),
                teacher.getDeterministic() ? Digests.fingerprint(teacher.getExecutionFingerprint()) : new byte[0],
                teacher.getTailError());
    }

    static Sequence sequence(long wireId, TargetSequence sequence, ClientOptions options, String traceparent) {
        Sequence.Builder message = Sequence.newBuilder()
                .setId(wireId)
                .setTokenIdsCrc32C(Digests.tokenChecksum(sequence.teacherTokens()))
                .addAllPositions(Positions.toRanges(sequence.teacherPositions()))
                .setTimeoutMillis((int) options.timeouts().sequence().toMillis())
                .setBypassCache(options.bypassCache())
                .setTraceparent(traceparent);
        for (int token : sequence.teacherTokens()) {
            message.addTokenIds(token);
        }
        for (int[] tokens : sequence.chosen()) {
            message.addChosen(ChosenTokens.newBuilder()
                    .addAllTokenIds(IntStream.of(tokens).boxed().toList()));
        }
        return message.build();
    }

    private static String or(@Nullable String stated, String described) {
        return stated == null ? described : stated;
    }

    private static String hex(ByteString bytes) {
        return HexFormat.of().formatHex(bytes.toByteArray());
    }

    private static ByteString bytes(String hex) {
        return ByteString.copyFrom(HexFormat.of().parseHex(hex));
    }
}
