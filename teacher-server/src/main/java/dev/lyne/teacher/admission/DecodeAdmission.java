package dev.lyne.teacher.admission;

import dev.lyne.row.Proposal;
import dev.lyne.row.Selection;
import dev.lyne.teacher.decode.DecodeStart;
import dev.lyne.teacher.decode.DecodeStep;
import dev.lyne.teacher.decode.DecodeTerms;
import dev.lyne.teacher.model.Failure.Reason;
import dev.lyne.teacher.model.TeacherDescription;
import dev.lyne.teacher.tenant.Caller;
import dev.lyne.teacher.tenant.Flow;
import dev.lyne.v1.DecodeSequence;
import dev.lyne.v1.OpenDecode;
import dev.lyne.v1.StepSequences;
import dev.lyne.wire.Digests;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/** The door of decoding sessions: turns their messages into checked values or into refusals. Safe for several threads. */
public final class DecodeAdmission {
    private static final int MAX_STOP_IDS = 64;

    private final Admission admission;

    public DecodeAdmission(Admission admission) {
        this.admission = admission;
    }

    /** Checks a session's opening against the teacher and its caller's rights. */
    public AdmissionResult<DecodeTerms> open(OpenDecode open, TeacherDescription teacher, Caller caller) {
        if (admission.isDraining()) {
            return new AdmissionResult.Refused<>(Admission.drainingFailure());
        }
        return admission.flow(open.getPriorityValue(), caller).flatMap(flow -> open(open, teacher, flow));
    }

    private static AdmissionResult<DecodeTerms> open(OpenDecode open, TeacherDescription teacher, Flow flow) {
        try {
            Expectations.check(
                    teacher,
                    open.getExpectedDigests(),
                    open.getExpectedVocabularySize(),
                    open.hasExpectedExecutionFingerprint()
                            ? Optional.of(open.getExpectedExecutionFingerprint())
                            : Optional.empty());
            Admission.checkStudent(open.getStudent());
            return new AdmissionResult.Accepted<>(
                    new DecodeTerms(teacher, flow, proposal(open), open.getSeed(), stopIds(open, teacher)));
        } catch (Expectations.MismatchException e) {
            return AdmissionResult.refuse(Reason.TEACHER_MISMATCH, e.line());
        } catch (IllegalArgumentException e) {
            return AdmissionResult.refuse(Reason.INVALID_REQUEST, String.valueOf(e.getMessage()));
        }
    }

    private static Proposal proposal(OpenDecode open) {
        double temperature = open.hasTemperature() ? open.getTemperature() : 1;
        if (temperature != 0
                && !(temperature >= Selection.MIN_TEMPERATURE && temperature <= Selection.MAX_TEMPERATURE)) {
            throw new IllegalArgumentException("temperature: " + temperature + " (expected: 0, or "
                    + Selection.MIN_TEMPERATURE + ".." + Selection.MAX_TEMPERATURE + ")");
        }
        return new Proposal(temperature, open.getTopP() == 0 ? 1 : open.getTopP());
    }

    private static Set<Integer> stopIds(OpenDecode open, TeacherDescription teacher) {
        if (open.getStopTokenIdsCount() > MAX_STOP_IDS) {
            throw new IllegalArgumentException(
                    "stop_token_ids: " + open.getStopTokenIdsCount() + " (expected: at most " + MAX_STOP_IDS + ")");
        }
        Set<Integer> ids = new HashSet<>(open.getStopTokenIdsList());
        for (int id : ids) {
            checkId("stop_token_ids", id, teacher);
        }
        return ids;
    }

    /** Checks a sequence that joins, and takes its tokens of its tenant's quota; a refused one fails alone. */
    public AdmissionResult<DecodeStart> start(DecodeSequence sequence, DecodeTerms terms) {
        if (admission.isDraining()) {
            return new AdmissionResult.Refused<>(Admission.drainingFailure());
        }
        return checked(sequence, terms)
                .flatMap(start -> admission
                        .takeQuota(terms.flow().tenant(), start.tokens().length)
                        .map(start::paidWith));
    }

    /** Counts tokens that a text under way takes; its tenant begins no other before its quota allows for them. */
    public void count(DecodeTerms terms, long tokens) {
        admission.countQuota(terms.flow().tenant(), tokens);
    }

    /** Puts back what was taken for a text of which nothing was computed. */
    public void giveBack(DecodeTerms terms, long taken) {
        admission.giveBackQuota(terms.flow().tenant(), taken);
    }

    private static AdmissionResult<DecodeStart> checked(DecodeSequence sequence, DecodeTerms terms) {
        int[] tokens = ids(sequence.getTokenIdsList());
        int checksum = Digests.tokenChecksum(tokens);
        if (checksum != sequence.getTokenIdsCrc32C()) {
            return wrongChecksum("token_ids", sequence.getTokenIdsCrc32C(), checksum);
        }
        try {
            Admission.checkTokens(tokens, terms.teacher());
            int prompt = sequence.getPromptTokens() == 0 ? tokens.length : sequence.getPromptTokens();
            if (prompt < 0 || prompt > tokens.length) {
                throw new IllegalArgumentException("prompt_tokens: " + Integer.toUnsignedString(prompt)
                        + " (expected: at most the " + tokens.length + " token_ids)");
            }
            return new AdmissionResult.Accepted<>(new DecodeStart(
                    sequence.getSequence(),
                    sequence.getKey(),
                    tokens,
                    prompt,
                    draws(sequence.getDraws(), terms.teacher())));
        } catch (IllegalArgumentException e) {
            return AdmissionResult.refuse(Reason.INVALID_REQUEST, String.valueOf(e.getMessage()));
        }
    }

    /** Checks the columns of a step; where they do not fit each other, the session cannot go on. */
    public AdmissionResult<List<DecodeStep>> step(StepSequences step, DecodeTerms terms) {
        int[] taken = ids(step.getTakenTokenIdsList());
        int checksum = taken.length == 0 ? 0 : Digests.tokenChecksum(taken);
        if (checksum != step.getTakenTokenIdsCrc32C()) {
            return wrongChecksum("taken_token_ids", step.getTakenTokenIdsCrc32C(), checksum);
        }
        try {
            requireColumn("taken_counts", step.getTakenCountsCount(), step.getSequencesCount());
            requireColumn("draws", step.getDrawsCount(), step.getSequencesCount());
            for (int id : taken) {
                checkId("taken_token_ids", id, terms.teacher());
            }
            List<DecodeStep> steps = new ArrayList<>();
            int from = 0;
            for (int i = 0; i < step.getSequencesCount(); i++) {
                int count = step.getTakenCountsCount() == 0 ? 0 : step.getTakenCounts(i);
                if (count < 0 || count > taken.length - from) {
                    throw new IllegalArgumentException("taken_counts[" + i + "]: " + Integer.toUnsignedString(count)
                            + " (expected: at most the " + (taken.length - from) + " taken_token_ids left)");
                }
                int draws = step.getDrawsCount() == 0 ? 1 : step.getDraws(i);
                steps.add(new DecodeStep(
                        step.getSequences(i),
                        Arrays.copyOfRange(taken, from, from + count),
                        draws(draws, terms.teacher())));
                from += count;
            }
            if (from != taken.length) {
                throw new IllegalArgumentException(
                        "taken_token_ids: " + taken.length + " (expected: " + from + ", the sum of taken_counts)");
            }
            return new AdmissionResult.Accepted<>(steps);
        } catch (IllegalArgumentException e) {
            return AdmissionResult.refuse(Reason.INVALID_REQUEST, String.valueOf(e.getMessage()));
        }
    }

    private static void requireColumn(String name, int there, int sequences) {
        if (there != 0 && there != sequences) {
            throw new IllegalArgumentException(
                    name + ": " + there + " (expected: none, or one for each of the " + sequences + " sequences)");
        }
    }

    private static int draws(int draws, TeacherDescription teacher) {
        if (draws < 0 || draws > teacher.contextLength()) {
            throw new IllegalArgumentException("draws: " + Integer.toUnsignedString(draws)
                    + " (expected: at most context_length=" + teacher.contextLength() + ")");
        }
        return draws;
    }

    private static void checkId(String field, int id, TeacherDescription teacher) {
        if (id < 0 || id >= teacher.vocabularySize()) {
            throw new IllegalArgumentException(field + ": " + Integer.toUnsignedString(id)
                    + " (expected: below vocabulary_size=" + teacher.vocabularySize() + ")");
        }
    }

    private static <T> AdmissionResult<T> wrongChecksum(String field, int stated, int computed) {
        return AdmissionResult.refuse(
                Reason.CHECKSUM_MISMATCH,
                field + "_crc32c: " + Admission.hex(stated) + " (expected: " + Admission.hex(computed)
                        + ", that of the " + field + " received)");
    }

    private static int[] ids(List<Integer> list) {
        return list.stream().mapToInt(Integer::intValue).toArray();
    }
}
