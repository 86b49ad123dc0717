package dev.lyne.teacher.rpc;

import com.google.protobuf.ByteString;
import dev.lyne.row.Selection;
import dev.lyne.teacher.admission.AdmissionResult;
import dev.lyne.teacher.admission.RequestSize;
import dev.lyne.teacher.admission.ServedMetrics;
import dev.lyne.teacher.admission.ServerLimits;
import dev.lyne.teacher.decode.DecodeScheduler;
import dev.lyne.teacher.model.Failure;
import dev.lyne.teacher.model.PrintableText;
import dev.lyne.teacher.model.TeacherDescription;
import dev.lyne.teacher.tenant.Caller;
import dev.lyne.v1.Limits;
import dev.lyne.v1.Precision;
import dev.lyne.v1.Teacher;
import dev.lyne.v1.TeacherDigests;
import dev.lyne.wire.RowFormat;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;

/** The server's teachers by name; names are distinct. */
final class Teachers {
    private static final List<Precision> PRECISIONS =
            List.of(Precision.PRECISION_EXACT, Precision.PRECISION_HALF, Precision.PRECISION_COMPACT);

    private final Map<String, ServedTeacher> byName = new TreeMap<>();
    private final Map<String, ServedMetrics.OfTeacher> served;
    private final ServerLimits limits;
    private final RpcMetrics metrics;
    private final int longestContext;

    Teachers(List<ServedTeacher> teachers, ServerLimits limits, RpcMetrics metrics) {
        this.limits = limits;
        this.metrics = metrics;
        this.longestContext = teachers.stream()
                .mapToInt(teacher -> teacher.description().contextLength())
                .max()
                .orElseThrow();
        for (ServedTeacher teacher : teachers) {
            byName.put(teacher.description().name(), teacher);
        }
        this.served =
                byName.keySet().stream().collect(Collectors.toUnmodifiableMap(name -> name, metrics.served()::teacher));
    }

    /** Those that a caller may ask, in order of name. */
    List<ServedTeacher> all(Caller caller) {
        return byName.values().stream()
                .filter(each -> caller.mayAsk(each.description().name()))
                .toList();
    }

    AdmissionResult<ServedTeacher> find(String name, Caller caller) {
        List<String> open = byName.keySet().stream().filter(caller::mayAsk).toList();
        if (name.isEmpty() && open.size() == 1) {
            return new AdmissionResult.Accepted<>(Objects.requireNonNull(byName.get(open.get(0))));
        }
        if (open.isEmpty() || (byName.containsKey(name) && !open.contains(name))) {
            return AdmissionResult.refuse(
                    Failure.Reason.PERMISSION_DENIED,
                    "teacher: " + PrintableText.ofClient(name) + ", which the credential of " + caller
                            + " does not open (expected: one of " + new TreeSet<>(caller.teachers()) + ")");
        }
        if (name.isEmpty()) {
            return AdmissionResult.refuse(
                    Failure.Reason.INVALID_REQUEST, "teacher: empty (expected: one of " + open + ")");
        }
        ServedTeacher found = byName.get(name);
        if (found == null) {
            return AdmissionResult.refuse(
                    Failure.Reason.TEACHER_NOT_FOUND,
                    "teacher: " + PrintableText.ofClient(name) + " (expected: one of " + open + ")");
        }
        return new AdmissionResult.Accepted<>(found);
    }

    /** Why a caller may not ask a teacher, where it may not. */
    Optional<Failure> refusal(ServedTeacher teacher, Caller caller) {
        return find(teacher.description().name(), caller) instanceof AdmissionResult.Refused<ServedTeacher> refused
                ? Optional.of(refused.failure())
                : Optional.empty();
    }

    /** One that has a tokenizer. */
    AdmissionResult<ServedTeacher> findWithTokenizer(String name, Caller caller) {
        AdmissionResult<ServedTeacher> found = find(name, caller);
        if (found instanceof AdmissionResult.Accepted<ServedTeacher> accepted
                && accepted.value().tokenizer().isEmpty()) {
            return AdmissionResult.refuse(
                    Failure.Reason.NO_TOKENIZER,
                    "teacher " + accepted.value().description().name()
                            + " has no tokenizer to send (expected: a teacher of a model directory; give --tokenizer)");
        }
        return found;
    }

    RpcMetrics metrics() {
        return metrics;
    }

    ServedMetrics.OfTeacher served(ServedTeacher teacher) {
        return Objects.requireNonNull(served.get(teacher.description().name()));
    }

    Teacher describe(ServedTeacher served) {
        TeacherDescription teacher = served.description();
        Optional<RowFormat> only = served.sequences().only();
        Limits.Builder bounds = bounds(teacher, served.sequences().maxK());
        served.decoding()
                .map(DecodeScheduler::options)
                .ifPresent(decoding -> bounds.setMaxDecodeSequences(decoding.maxSequences())
                        .setMaxDecodeTokens(decoding.maxTokens())
                        .setDecodeIdleSeconds(
                                (int) Math.max(1, decoding.idleTime().toSeconds())));
        Teacher.Builder described = Teacher.newBuilder();
        teacher.conventions().ifPresent(conventions -> described.setTextConventions(conventions.toMessage()));
        return described
                .setName(teacher.name())
                .setDigests(TeacherDigests.newBuilder()
                        .setModelSha256(ByteString.copyFrom(teacher.modelDigest()))
                        .setTokenizerSha256(ByteString.copyFrom(teacher.tokenizerDigest())))
                .setExecutionFingerprint(teacher.fingerprint().toMessage())
                .setVocabularySize(teacher.vocabularySize())
                .setContextLength(teacher.contextLength())
                .setArchitecture(teacher.architecture())
                .setParameters(teacher.parameters())
                .addAllPrecisions(only.map(format -> List.of(format.precision().toMessage()))
                        .orElse(PRECISIONS))
                .addAllSelectionKinds(new TreeSet<>(served.sequences().selectionKinds()))
                .setLimits(bounds)
                .setDeterministic(teacher.deterministic())
                .setTailError(teacher.tailError())
                .setDecodes(served.decoding().isPresent())
                .build();
    }

    private Limits.Builder bounds(TeacherDescription teacher, int maxK) {
        return Limits.newBuilder()
                .setMaxInFlightSequences(limits.maxInFlightSequences())
                .setMaxInFlightTokens(limits.maxInFlightTokens())
                .setMaxK(Math.min(Math.min(limits.maxK(), maxK), teacher.vocabularySize()))
                .setMaxTemperatures(limits.maxTemperatures())
                .setSmallestTemperature(Selection.MIN_TEMPERATURE)
                .setLargestTemperature(Selection.MAX_TEMPERATURE)
                .setMaxBlockBytes(limits.maxBlockBytes())
                .setMaxRequestBytes(RequestSize.maxBytes(longestContext))
                .setMaxResponseBytes(limits.maxBlockBytes() + ServerLimits.MESSAGE_BYTES_BESIDE_BLOCK)
                .setMaxMetadataBytes(ServerLimits.MAX_METADATA_BYTES)
                .setMaxChosen(RequestSize.mostChosen(teacher.contextLength()))
                .setMaxSequenceEntries(limits.maxSequenceEntries())
                .setMaxStreamsPerConnection(limits.maxStreamsPerConnection())
                .setMaxConnections(limits.maxConnections());
    }
}
