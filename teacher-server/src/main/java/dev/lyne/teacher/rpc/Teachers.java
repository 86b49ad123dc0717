package dev.lyne.teacher.rpc;

import com.google.protobuf.ByteString;
import dev.lyne.row.Selection;
import dev.lyne.teacher.admission.AdmissionResult;
import dev.lyne.teacher.admission.RequestSize;
import dev.lyne.teacher.admission.ServerLimits;
import dev.lyne.teacher.decode.DecodeScheduler;
import dev.lyne.teacher.model.Failure;
import dev.lyne.teacher.model.PrintableText;
import dev.lyne.teacher.model.TeacherDescription;
import dev.lyne.v1.Limits;
import dev.lyne.v1.Precision;
import dev.lyne.v1.Teacher;
import dev.lyne.v1.TeacherDigests;
import dev.lyne.wire.RowFormat;
import java.util.Collection;
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
    private final Map<String, RpcMetrics.Served> served;
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
        this.served = byName.keySet().stream().collect(Collectors.toUnmodifiableMap(name -> name, metrics::served));
    }

    /** In order of name. */
    Collection<ServedTeacher> all() {
        return byName.values();
    }

    AdmissionResult<ServedTeacher> find(String name) {
        if (name.isEmpty() && byName.size() == 1) {
            return new AdmissionResult.Accepted<>(byName.values().iterator().next());
        }
        if (name.isEmpty()) {
            return AdmissionResult.refuse(
                    Failure.Reason.INVALID_REQUEST, "teacher: empty (expected: one of " + byName.keySet() + ")");
        }
        ServedTeacher found = byName.get(name);
        if (found == null) {
            return AdmissionResult.refuse(
                    Failure.Reason.TEACHER_NOT_FOUND,
                    "teacher: " + PrintableText.ofClient(name) + " (expected: one of " + byName.keySet() + ")");
        }
        return new AdmissionResult.Accepted<>(found);
    }

    /** One that has a tokenizer. */
    AdmissionResult<ServedTeacher> findWithTokenizer(String name) {
        AdmissionResult<ServedTeacher> found = find(name);
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

    RpcMetrics.Served served(ServedTeacher teacher) {
        return Objects.requireNonNull(served.get(teacher.description().name()));
    }

    Teacher describe(ServedTeacher served) {
        TeacherDescription teacher = served.description();
        Optional<RowFormat> only = served.sequences().only();
        Limits.Builder bounds = bounds(teacher);
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
                .setDecodes(served.decoding().isPresent())
                .build();
    }

    private Limits.Builder bounds(TeacherDescription teacher) {
        return Limits.newBuilder()
                .setMaxInFlightSequences(limits.maxInFlightSequences())
                .setMaxInFlightTokens(limits.maxInFlightTokens())
                .setMaxK(Math.min(limits.maxK(), teacher.vocabularySize()))
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
