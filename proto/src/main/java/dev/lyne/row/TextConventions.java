package dev.lyne.row;

import com.google.protobuf.ByteString;
import dev.lyne.v1.TextConventions.Builder;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.TreeSet;

/**
 * How a model's files say that texts begin, end and are laid out. A student whose texts end otherwise than its teacher's learns on its own text to
 * go on for ever: the teacher finds its end improbable.
 *
 * @param bosId token before a text; absent for none
 * @param eosId token after a text; absent for none
 * @param stopIds tokens that end a generation, that after a text among them
 * @param chatTemplate SHA-256 of the chat template, in hexadecimal digits; empty for none
 */
public record TextConventions(OptionalInt bosId, OptionalInt eosId, Set<Integer> stopIds, String chatTemplate) {
    private static final int SHOWN_DIGITS = 12;

    public TextConventions {
        stopIds = Set.copyOf(stopIds);
    }

    /** The conventions of a message. */
    public static TextConventions of(dev.lyne.v1.TextConventions message) {
        return new TextConventions(
                message.hasBosTokenId() ? OptionalInt.of(message.getBosTokenId()) : OptionalInt.empty(),
                message.hasEosTokenId() ? OptionalInt.of(message.getEosTokenId()) : OptionalInt.empty(),
                Set.copyOf(message.getStopTokenIdsList()),
                HexFormat.of().formatHex(message.getChatTemplateSha256().toByteArray()));
    }

    /** The conventions as a message of the contract. */
    public dev.lyne.v1.TextConventions toMessage() {
        Builder message = dev.lyne.v1.TextConventions.newBuilder()
                .addAllStopTokenIds(new TreeSet<>(stopIds))
                .setChatTemplateSha256(ByteString.copyFrom(HexFormat.of().parseHex(chatTemplate)));
        bosId.ifPresent(message::setBosTokenId);
        eosId.ifPresent(message::setEosTokenId);
        return message.build();
    }

    /**
     * Returns, with both tokens, that a student ends its texts otherwise than its teacher; empty where both end alike
     * or one names no end.
     */
    public Optional<String> otherEnd(TextConventions teacher) {
        return eosId.isPresent() && teacher.eosId.isPresent() && !eosId.equals(teacher.eosId)
                ? Optional.of("EOS: the student's texts end with " + eosId.getAsInt() + " (expected: "
                        + teacher.eosId.getAsInt() + ", as the teacher's)")
                : Optional.empty();
    }

    /** Returns the other conventions in which the student differs from its teacher, a line each. */
    public List<String> otherwise(TextConventions teacher) {
        List<String> found = new ArrayList<>();
        if (!bosId.equals(teacher.bosId)) {
            found.add("BOS: the student's texts begin with " + named(bosId) + ", the teacher's with "
                    + named(teacher.bosId));
        }
        if (!stopIds.equals(teacher.stopIds)) {
            found.add("tokens that end a generation: " + new TreeSet<>(stopIds) + " of the student, "
                    + new TreeSet<>(teacher.stopIds) + " of the teacher");
        }
        if (!chatTemplate.equals(teacher.chatTemplate)) {
            found.add("chat template: " + shown(chatTemplate) + " of the student, " + shown(teacher.chatTemplate)
                    + " of the teacher");
        }
        return found;
    }

    private static String named(OptionalInt id) {
        return id.isPresent() ? Integer.toString(id.getAsInt()) : "none";
    }

    private static String shown(String digest) {
        return digest.isEmpty() ? "none" : digest.substring(0, SHOWN_DIGITS) + "…";
    }
}
