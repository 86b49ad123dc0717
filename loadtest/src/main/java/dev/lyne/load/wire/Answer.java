package dev.lyne.load.wire;

import com.google.protobuf.Any;
import com.google.protobuf.CodedInputStream;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.WireFormat;
import com.google.rpc.Code;
import com.google.rpc.ErrorInfo;
import com.google.rpc.RetryInfo;
import dev.lyne.row.RowSource;
import dev.lyne.v1.Credit;
import dev.lyne.v1.Rows;
import dev.lyne.v1.ScoreSequencesResponse;
import dev.lyne.v1.SequenceDone;
import dev.lyne.v1.SequenceFailed;
import dev.lyne.v1.StreamOpened;
import java.io.IOException;
import java.util.HexFormat;
import java.util.Objects;

/** A response, read no further than counting needs: the bytes of a block are skipped unless they are wanted. */
sealed interface Answer {
    /** Delivers it. */
    void to(StreamEvents events);

    /** The first message. */
    record Opened(StreamOpened message) implements Answer {
        @Override
        public void to(StreamEvents events) {
            Credit credit = message.getCredit();
            events.teacher(message.getTeacher().getName() + ", digest "
                    + HexFormat.of()
                            .formatHex(message.getTeacher()
                                    .getDigests()
                                    .getModelSha256()
                                    .toByteArray())
                    + ", vocabulary of "
                    + message.getTeacher().getVocabularySize());
            events.opened(message.getTeacher().getVocabularySize(), credit.getSequences(), credit.getTokens());
        }
    }

    /** A grant. */
    record Granted(Credit message) implements Answer {
        @Override
        public void to(StreamEvents events) {
            events.credit(message.getSequences(), message.getTokens());
        }
    }

    /** Rows. */
    @SuppressWarnings("ArrayRecordComponent") // delivered once; never compared
    record SomeRows(long id, RowSource source, int bytes, byte[] block) implements Answer {
        @Override
        public void to(StreamEvents events) {
            events.rows(id, source, bytes, block);
        }
    }

    /** A sequence's end. */
    record Done(long id, int rows) implements Answer {
        @Override
        public void to(StreamEvents events) {
            events.done(id, rows);
        }
    }

    /** A sequence's failure. */
    record Failed(SequenceFailed message) implements Answer {
        @Override
        public void to(StreamEvents events) {
            String reason = String.valueOf(Code.forNumber(message.getStatus().getCode()));
            long retryNanos = 0;
            try {
                for (Any detail : message.getStatus().getDetailsList()) {
                    if (detail.is(ErrorInfo.class)) {
                        reason = detail.unpack(ErrorInfo.class).getReason();
                    } else if (detail.is(RetryInfo.class)) {
                        var delay = detail.unpack(RetryInfo.class).getRetryDelay();
                        retryNanos = delay.getSeconds() * 1_000_000_000 + delay.getNanos();
                    }
                }
            } catch (InvalidProtocolBufferException e) {
                throw new IllegalStateException("a failure's details cannot be read", e);
            }
            events.failed(message.getId(), reason, message.getStatus().getMessage(), retryNanos);
        }
    }

    /** Nothing that matters: a message of a newer server. */
    record Unknown() implements Answer {
        @Override
        public void to(StreamEvents events) {}
    }

    /** Reads a response. */
    static Answer read(CodedInputStream in, boolean keepBlocks) throws IOException {
        Answer answer = new Unknown();
        for (int tag = in.readTag(); tag != 0; tag = in.readTag()) {
            switch (WireFormat.getTagFieldNumber(tag)) {
                case ScoreSequencesResponse.OPENED_FIELD_NUMBER ->
                    answer = new Opened(StreamOpened.parseFrom(in.readByteArray()));
                case ScoreSequencesResponse.CREDIT_FIELD_NUMBER ->
                    answer = new Granted(Credit.parseFrom(in.readByteArray()));
                case ScoreSequencesResponse.ROWS_FIELD_NUMBER -> answer = rows(in, keepBlocks);
                case ScoreSequencesResponse.DONE_FIELD_NUMBER -> answer = done(in);
                case ScoreSequencesResponse.FAILED_FIELD_NUMBER ->
                    answer = new Failed(SequenceFailed.parseFrom(in.readByteArray()));
                default -> in.skipField(tag);
            }
        }
        return answer;
    }

    private static Answer rows(CodedInputStream in, boolean keepBlocks) throws IOException {
        int limit = in.pushLimit(in.readRawVarint32());
        long id = 0;
        int source = 0;
        String tier = "";
        int bytes = 0;
        byte[] block = {};
        for (int tag = in.readTag(); tag != 0; tag = in.readTag()) {
            switch (WireFormat.getTagFieldNumber(tag)) {
                case Rows.ID_FIELD_NUMBER -> id = in.readUInt64();
                case Rows.SOURCE_FIELD_NUMBER -> source = in.readEnum();
                case Rows.TIER_FIELD_NUMBER -> tier = in.readString();
                case Rows.BLOCK_FIELD_NUMBER -> {
                    if (keepBlocks) {
                        block = Objects.requireNonNull(in.readByteArray());
                        bytes = block.length;
                    } else {
                        bytes = in.readRawVarint32();
                        in.skipRawBytes(bytes);
                    }
                }
                default -> in.skipField(tag);
            }
        }
        in.popLimit(limit);
        return new SomeRows(id, RowSource.of(source, tier), bytes, block);
    }

    private static Answer done(CodedInputStream in) throws IOException {
        int limit = in.pushLimit(in.readRawVarint32());
        long id = 0;
        int rows = 0;
        for (int tag = in.readTag(); tag != 0; tag = in.readTag()) {
            switch (WireFormat.getTagFieldNumber(tag)) {
                case SequenceDone.ID_FIELD_NUMBER -> id = in.readUInt64();
                case SequenceDone.ROWS_FIELD_NUMBER -> rows = in.readUInt32();
                default -> in.skipField(tag);
            }
        }
        in.popLimit(limit);
        return new Done(id, rows);
    }
}
