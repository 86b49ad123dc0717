package dev.lyne.teacher.rpc;

import com.google.protobuf.ByteString;
import dev.lyne.row.Selection;
import dev.lyne.teacher.admission.AdmissionResult;
import dev.lyne.teacher.admission.RequestSize;
import dev.lyne.teacher.admission.ServedMetrics;
import dev.lyne.teacher.admission.ServerLimits;
import dev.lyne.teacher.decode.DecodeSessions;
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
import java.util.Objects;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Function;

/**
 * The server's teachers by name, as they come and go while calls run. Safe for several threads.
 *
 * <p>A call is bound to the teacher that it found, not to its name: it goes on with that one until it {@linkplain #leaving leaves}, whoever
 * has the name by then.
 */
final class Teachers {
    private static final List<Precision> PRECISIONS =
            List.of(Precision.PRECISION_EXACT, Precision.PRECISION_HALF, Precision.PRECISION_COMPACT);

    private final ServerLimits limits;
    private final RpcMetrics metrics;
    private final int longestContext;
    private final Function<String, Optional<String>> whyNotServed;

    /** Teachers in order of name; replaced as a whole. */
    private volatile SortedMap<String, ServedTeacher> byName = new TreeMap<>();

    /**
     * None yet.
     *
     * @param longestContext tokens of the longest sequence that a request can carry
     * @param whyNotServed why a teacher is not served now that is known by that name; empty for names that nobody knows
     */
    Teachers(
            ServerLimits limits,
            RpcMetrics metrics,
            int longestContext,
            Function<String, Optional<String>> whyNotServed) {
        this.limits = limits;
        this.metrics = metrics;
        this.longestContext = longestContext;
        this.whyNotServed = whyNotServed;
    }

    /** Names a teacher, in the place of the one that had its name. */
    synchronized void add(ServedTeacher teacher) {
        var unused = served(teacher); // so that its meters are there, at 0, before it is asked
        SortedMap<String, ServedTeacher> changed = new TreeMap<>(byName);
        changed.put(teacher.description().name(), teacher);
        byName = changed;
    }

    /** Names a teacher no longer, unless another has its name. */
    synchronized void remove(ServedTeacher teacher) {
        SortedMap<String, ServedTeacher> changed = new TreeMap<>(byName);
        changed.remove(teacher.description().name(), teacher);
        byName = changed;
    }

    /** Why calls that are bound to a teacher have to end, where it is not the one of its name any more. */
    Optional<Failure> leaving(ServedTeacher teacher) {
        String name = teacher.description().name();
        return teacher.equals(byName.get(name)) ? Optional.empty() : Optional.of(leaving(name));
    }

    static Failure leaving(String name) {
        return new Failure(
                Failure.Reason.TEACHER_UNAVAILABLE,
                "teacher: " + name + ", which goes away (expected: another server, or this one later)");
    }

    /** Returns the teachers that a caller may ask, in order of name. */
    List<ServedTeacher> all(Caller caller) {
        return byName.values().stream()
                .filter(each -> caller.mayAsk(each.description().name()))
                .toList();
    }

    AdmissionResult<ServedTeacher> find(String name, Caller caller) {
        SortedMap<String, ServedTeacher> now = byName;
        List<String> open = now.keySet().stream().filter(caller::mayAsk).toList();
        Optional<String> why = now.containsKey(name) ? Optional.empty() : whyNotServed.apply(name);
        if (name.isEmpty() && open.size() == 1) {
            return new AdmissionResult.Accepted<>(Objects.requireNonNull(now.get(open.get(0))));
        }
        if (caller.mayAsk(name) && why.isPresent()) {
            return unavailable(name, why.get());
        }
        if (open.isEmpty() && (now.isEmpty() || caller.teachers().stream().anyMatch(this::isKnownElsewhere))) {
            return unavailable(name, "none is served now");
        }
        if (open.isEmpty() || (now.containsKey(name) || why.isPresent()) && !caller.mayAsk(name)) {
            return new AdmissionResult.Refused<>(notOpened(name, caller));
        }
        if (name.isEmpty()) {
            return AdmissionResult.refuse(
                    Failure.Reason.INVALID_REQUEST, "teacher: empty (expected: one of " + open + ")");
        }
        ServedTeacher found = now.get(name);
        if (found == null) {
            return AdmissionResult.refuse(
                    Failure.Reason.TEACHER_NOT_FOUND,
                    "teacher: " + PrintableText.ofClient(name) + " (expected: one of " + open + ")");
        }
        return new AdmissionResult.Accepted<>(found);
    }

    /**
     * The teacher of a name for a student that knows which model it wants: without a name it is the one with that model, whatever else is served
     * by now.
     *
     * @param model digest of the model; empty: any
     */
    AdmissionResult<ServedTeacher> find(String name, ByteString model, Caller caller) {
        List<ServedTeacher> alike = all(caller).stream()
                .filter(teacher ->
                        model.equals(ByteString.copyFrom(teacher.description().modelDigest())))
                .toList();
        return name.isEmpty() && alike.size() == 1 ? new AdmissionResult.Accepted<>(alike.get(0)) : find(name, caller);
    }

    private boolean isKnownElsewhere(String name) {
        return whyNotServed.apply(name).isPresent();
    }

    private static AdmissionResult<ServedTeacher> unavailable(String name, String why) {
        return AdmissionResult.refuse(
                Failure.Reason.TEACHER_UNAVAILABLE,
                "teacher: " + PrintableText.ofClient(name) + ": " + why
                        + " (expected: another server, or this one later)");
    }

    /** Why a caller may not ask a teacher, where it may not. */
    static Optional<Failure> refusal(ServedTeacher teacher, Caller caller) {
        String name = teacher.description().name();
        return caller.mayAsk(name) ? Optional.empty() : Optional.of(notOpened(name, caller));
    }

    private static Failure notOpened(String name, Caller caller) {
        return new Failure(
                Failure.Reason.PERMISSION_DENIED,
                "teacher: " + PrintableText.ofClient(name) + ", which the credential of " + caller
                        + " does not open (expected: one of " + new TreeSet<>(caller.teachers()) + ")");
    }

    /** Returns a teacher that has a tokenizer. */
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
        return metrics.served().teacher(teacher.description().name());
    }

    Teacher describe(ServedTeacher served) {
        TeacherDescription teacher = served.description();
        Optional<RowFormat> only = served.sequences().only();
        Limits.Builder bounds = bounds(teacher, served.sequences().maxK());
        served.decoding()
                .map(DecodeSessions::options)
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
