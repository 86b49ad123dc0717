package dev.lyne.lm.engine;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;

/**
 * Packs TorchScript methods and constants into the archive that PyTorch loads as a module: an uncompressed zip of the source,
 * a pickle of the one module object with its constants, an empty pickle of constant tensors, and a version.
 */
final class ScriptArchive {
    /** A constant's value that stands for a list of tensors, empty, which the methods fill and clear themselves. */
    static final Object NO_TENSORS = new Object();

    private static final String CLASS = "CausalModel";

    private ScriptArchive() {}

    /**
     * @param methods sources of methods, indented as members of a class
     * @param constants attributes that the methods read from {@code self}: {@link Long}, {@link Double}, a list of longs, or
     *     {@link #NO_TENSORS}
     */
    static byte[] pack(List<String> methods, Map<String, Object> constants) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (ZipOutputStream zip = new ZipOutputStream(bytes)) {
            zip.setMethod(ZipOutputStream.STORED);
            add(zip, "model/data.pkl", object(constants));
            add(zip, "model/code/__torch__.py", source(methods, constants).getBytes(StandardCharsets.UTF_8));
            add(zip, "model/constants.pkl", new byte[] {(byte) 0x80, 2, ')', '.'});
            add(zip, "model/version", "10\n".getBytes(StandardCharsets.US_ASCII));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return bytes.toByteArray();
    }

    static String source(List<String> methods, Map<String, Object> constants) {
        StringBuilder source = new StringBuilder("class " + CLASS + "(Module):\n  training : bool\n");
        constants.forEach((name, value) -> source.append("  ")
                .append(name)
                .append(" : ")
                .append(type(name, value))
                .append('\n'));
        methods.forEach(method -> source.append(method).append('\n'));
        return source.toString();
    }

    private static String type(String name, Object value) {
        if (value instanceof Long) {
            return "int";
        }
        if (value instanceof Double) {
            return "float";
        }
        if (value instanceof List<?>) {
            return "List[int]";
        }
        if (value == NO_TENSORS) {
            return "List[Tensor]";
        }
        throw new IllegalArgumentException(name + ": " + value + " (expected: Long, Double or List<Long>)");
    }

    /** The pickle of the module object, protocol 2: its class, no arguments, and its attributes as state. */
    private static byte[] object(Map<String, Object> constants) throws IOException {
        ByteArrayOutputStream pickle = new ByteArrayOutputStream();
        pickle.write(new byte[] {(byte) 0x80, 2});
        pickle.write(("c__torch__\n" + CLASS + "\n)").getBytes(StandardCharsets.US_ASCII));
        pickle.write(0x81); // NEWOBJ
        pickle.write(new byte[] {'}', '('});
        string(pickle, "training");
        pickle.write(0x89); // false
        for (Map.Entry<String, Object> constant : constants.entrySet()) {
            string(pickle, constant.getKey());
            value(pickle, constant.getValue());
        }
        pickle.write(new byte[] {'u', 'b', '.'});
        return pickle.toByteArray();
    }

    private static void value(ByteArrayOutputStream pickle, Object value) throws IOException {
        if (value instanceof Long number) {
            pickle.write('J');
            pickle.write(littleEndian(Math.toIntExact(number)));
        } else if (value instanceof Double number) {
            pickle.write('G');
            pickle.write(ByteBuffer.allocate(8).putDouble(number).array());
        } else if (value == NO_TENSORS) {
            pickle.write(']');
        } else {
            pickle.write(new byte[] {']', '('});
            for (Object element : (List<?>) value) {
                value(pickle, element);
            }
            pickle.write('e');
        }
    }

    private static void string(ByteArrayOutputStream pickle, String text) throws IOException {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        pickle.write('X');
        pickle.write(littleEndian(bytes.length));
        pickle.write(bytes);
    }

    private static byte[] littleEndian(int value) {
        return ByteBuffer.allocate(4)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putInt(value)
                .array();
    }

    private static void add(ZipOutputStream zip, String name, byte[] content) throws IOException {
        CRC32 crc = new CRC32();
        crc.update(content);
        ZipEntry entry = new ZipEntry(name);
        entry.setTime(0);
        entry.setSize(content.length);
        entry.setCompressedSize(content.length);
        entry.setCrc(crc.getValue());
        zip.putNextEntry(entry);
        zip.write(content);
        zip.closeEntry();
    }
}
