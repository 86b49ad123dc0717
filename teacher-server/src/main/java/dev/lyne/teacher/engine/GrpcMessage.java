package dev.lyne.teacher.engine;

import com.google.protobuf.CodedInputStream;
import com.google.protobuf.CodedOutputStream;
import com.google.protobuf.WireFormat;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

/**
 * A message of the engines' shared gRPC protocol, field by field: their contract is far larger than what is asked of it here, and changes with
 * them, while the numbers of fields stay. The dialects name the fields that they read and write.
 */
final class GrpcMessage {
    /** A compressed flag, and the length. */
    private static final int PREFIX_BYTES = 5;

    private final Map<Integer, List<Object>> fields = new HashMap<>();

    private GrpcMessage() {}

    /**
     * Reads a message; nested ones are read when they are asked for.
     *
     * @throws EngineException where the bytes are none
     */
    static GrpcMessage read(byte[] bytes) throws EngineException {
        GrpcMessage message = new GrpcMessage();
        CodedInputStream in = CodedInputStream.newInstance(bytes);
        try {
            for (int tag = in.readTag(); tag != 0; tag = in.readTag()) {
                Object value = switch (WireFormat.getTagWireType(tag)) {
                    case WireFormat.WIRETYPE_VARINT -> in.readRawVarint64();
                    case WireFormat.WIRETYPE_FIXED64 -> in.readRawLittleEndian64();
                    case WireFormat.WIRETYPE_FIXED32 -> in.readRawLittleEndian32();
                    case WireFormat.WIRETYPE_LENGTH_DELIMITED -> in.readByteArray();
                    default -> throw EngineException.strange("a message with a field of kind " + (tag & 7));
                };
                message.fields
                        .computeIfAbsent(WireFormat.getTagFieldNumber(tag), unused -> new ArrayList<>())
                        .add(value);
            }
        } catch (IOException e) {
            throw EngineException.strange("an answer that is no message: " + e.getMessage());
        }
        return message;
    }

    /** The messages of a gRPC call's body. */
    static List<GrpcMessage> framed(byte[] body) throws EngineException {
        List<GrpcMessage> messages = new ArrayList<>();
        ByteBuffer left = ByteBuffer.wrap(body);
        while (left.hasRemaining()) {
            if (left.remaining() < PREFIX_BYTES) {
                throw EngineException.strange("an answer that is cut short (expected: whole messages)");
            }
            boolean compressed = left.get() != 0;
            int length = left.getInt();
            if (compressed || length < 0 || length > left.remaining()) {
                throw EngineException.strange(
                        compressed
                                ? "a compressed message (expected: as it was asked for)"
                                : "an answer that is cut short (expected: whole messages)");
            }
            byte[] message = new byte[length];
            left.get(message);
            messages.add(read(message));
        }
        return messages;
    }

    /** A message written by a function, as the body of a gRPC call. */
    static byte[] frame(byte[] message) {
        return ByteBuffer.allocate(PREFIX_BYTES + message.length)
                .put((byte) 0)
                .putInt(message.length)
                .put(message)
                .array();
    }

    /** Writer of the fields of a message. */
    interface Fields {
        void write(CodedOutputStream out) throws IOException;
    }

    /** The bytes of a message. */
    static byte[] write(Fields fields) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        CodedOutputStream out = CodedOutputStream.newInstance(bytes);
        try {
            fields.write(out);
            out.flush();
        } catch (IOException e) {
            throw new UncheckedIOException(e); // memory does not fail
        }
        return bytes.toByteArray();
    }

    /** Unsigned integers of a repeated field, packed. */
    static byte[] packed(int[] values) {
        return write(out -> {
            for (int value : values) {
                out.writeUInt32NoTag(value);
            }
        });
    }

    private List<Object> values(int field) {
        return fields.getOrDefault(field, List.of());
    }

    /** A text; empty where there is none. */
    String text(int field) throws EngineException {
        List<Object> values = values(field);
        return values.isEmpty() ? "" : new String(bytes(values.get(values.size() - 1)), StandardCharsets.UTF_8);
    }

    /** A whole number; 0 where there is none. */
    long number(int field) throws EngineException {
        List<Object> values = values(field);
        if (values.isEmpty()) {
            return 0;
        }
        if (values.get(values.size() - 1) instanceof Long number) {
            return number;
        }
        throw EngineException.strange("field " + field + " (expected: a whole number)");
    }

    /** A number in single precision; NaN where there is none. */
    float single(int field) throws EngineException {
        List<Object> values = values(field);
        if (values.isEmpty()) {
            return Float.NaN;
        }
        if (values.get(values.size() - 1) instanceof Integer bits) {
            return Float.intBitsToFloat(bits);
        }
        throw EngineException.strange("field " + field + " (expected: a number in single precision)");
    }

    /** A nested message; an empty one where there is none. */
    GrpcMessage message(int field) throws EngineException {
        List<Object> values = values(field);
        return values.isEmpty() ? new GrpcMessage() : read(bytes(values.get(values.size() - 1)));
    }

    /** Returns whether the message has a field. */
    boolean has(int field) {
        return fields.containsKey(field);
    }

    /** Nested messages of a repeated field. */
    List<GrpcMessage> messages(int field) throws EngineException {
        List<GrpcMessage> messages = new ArrayList<>();
        for (Object value : values(field)) {
            messages.add(read(bytes(value)));
        }
        return messages;
    }

    /** Unsigned integers of a repeated field, packed or not. */
    int[] integers(int field) throws EngineException {
        List<Integer> found = new ArrayList<>();
        for (Object value : values(field)) {
            if (value instanceof Long number) {
                found.add(number.intValue());
            } else {
                eachOf(bytes(value), in -> found.add(uncheckedUInt32(in)));
            }
        }
        return found.stream().mapToInt(Integer::intValue).toArray();
    }

    /** Numbers in single precision of a repeated field, packed or not. */
    float[] singles(int field) throws EngineException {
        List<Float> found = new ArrayList<>();
        for (Object value : values(field)) {
            if (value instanceof Integer bits) {
                found.add(Float.intBitsToFloat(bits));
            } else {
                eachOf(bytes(value), in -> found.add(uncheckedFloat(in)));
            }
        }
        float[] singles = new float[found.size()];
        for (int i = 0; i < singles.length; i++) {
            singles[i] = found.get(i);
        }
        return singles;
    }

    private static int uncheckedUInt32(CodedInputStream in) {
        try {
            return in.readUInt32();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static float uncheckedFloat(CodedInputStream in) {
        try {
            return in.readFloat();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static void eachOf(byte[] packed, Consumer<CodedInputStream> take) throws EngineException {
        CodedInputStream in = CodedInputStream.newInstance(packed);
        try {
            while (!in.isAtEnd()) {
                take.accept(in);
            }
        } catch (IOException | UncheckedIOException e) {
            throw EngineException.strange("numbers that are cut short: " + e.getMessage());
        }
    }

    private static byte[] bytes(Object value) throws EngineException {
        if (value instanceof byte[] bytes) {
            return bytes;
        }
        throw EngineException.strange("a number (expected: a message, a text or packed numbers)");
    }
}
