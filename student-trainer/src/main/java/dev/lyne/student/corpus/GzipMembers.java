package dev.lyne.student.corpus;

import java.io.IOException;
import java.io.InputStream;
import java.util.zip.CRC32;
import java.util.zip.DataFormatException;
import java.util.zip.Inflater;

/**
 * The contents of a gzip file, member after member (RFC 1952). Every byte of the file belongs to a member or to zero padding after the
 * last one; the library's own stream takes an unreadable header of a later member for the end. One thread.
 */
final class GzipMembers extends BulkInputStream {
    private static final int MAGIC_1 = 0x1f;
    private static final int MAGIC_2 = 0x8b;
    private static final int DEFLATE = 8;
    private static final int HEADER_CRC = 2;
    private static final int EXTRA = 4;
    private static final int NAME = 8;
    private static final int COMMENT = 16;
    private static final int RESERVED = 0xe0;

    private final InputStream file;
    private final byte[] buffer = new byte[1 << 16];
    private final Inflater inflater = new Inflater(true);
    private final CRC32 crc = new CRC32();
    private final CRC32 headerCrc = new CRC32();
    private int next;
    private int end;
    private long bufferOffset;
    private long size;
    private boolean first = true;
    private boolean inMember;
    private boolean ended;

    GzipMembers(InputStream file) {
        this.file = file;
    }

    @Override
    public int read(byte[] out, int offset, int length) throws IOException {
        if (length == 0) {
            return 0;
        }
        while (!ended) {
            if (!inMember && !beginMember()) {
                ended = true;
                break;
            }
            int inflated = inflate(out, offset, length);
            if (inflated > 0) {
                crc.update(out, offset, inflated);
                size += inflated;
                return inflated;
            }
            if (inflater.finished()) {
                next = end - inflater.getRemaining();
                endMember();
            } else if (inflater.needsDictionary()) {
                throw damaged("a preset dictionary (expected: none)");
            } else if (inflater.needsInput()) {
                if (next == end && !fill()) {
                    throw damaged("the file ends within a member");
                }
                inflater.setInput(buffer, next, end - next);
                next = end;
            }
        }
        return -1;
    }

    private int inflate(byte[] out, int offset, int length) throws IOException {
        try {
            return inflater.inflate(out, offset, length);
        } catch (DataFormatException e) {
            next = end - inflater.getRemaining();
            throw damaged(String.valueOf(e.getMessage()));
        }
    }

    /** Whether there is another member; then its header has been read. */
    private boolean beginMember() throws IOException {
        if (next == end && !fill()) {
            return false;
        }
        if (buffer[next] == 0 && !first) {
            requireZerosToTheEnd();
            return false;
        }
        headerCrc.reset();
        if (byteAt() != MAGIC_1 || byteAt() != MAGIC_2) {
            next--;
            throw damaged(String.format(
                    "%02x after the last member (expected: another member, zeros, or the end)", buffer[next]));
        }
        int method = byteAt();
        int flags = byteAt();
        if (method != DEFLATE || (flags & RESERVED) != 0) {
            throw damaged(
                    "a header of method " + method + " and flags " + flags + " (expected: method 8, flags 0..31)");
        }
        skip(6); // time, extra flags, system
        if ((flags & EXTRA) != 0) {
            skip(byteAt() | byteAt() << 8);
        }
        for (int text : new int[] {NAME, COMMENT}) {
            int character = (flags & text) == 0 ? 0 : 1;
            while (character != 0) {
                character = byteAt();
            }
        }
        if ((flags & HEADER_CRC) != 0) {
            int expected = (int) headerCrc.getValue() & 0xffff;
            if ((byteAt() | byteAt() << 8) != expected) {
                throw damaged("a header whose checksum is wrong");
            }
        }
        first = false;
        inMember = true;
        inflater.reset();
        crc.reset();
        size = 0;
        return true;
    }

    private void endMember() throws IOException {
        long checksum = 0;
        for (int shift = 0; shift < Integer.SIZE; shift += Byte.SIZE) {
            checksum |= (long) byteAt() << shift;
        }
        long length = 0;
        for (int shift = 0; shift < Integer.SIZE; shift += Byte.SIZE) {
            length |= (long) byteAt() << shift;
        }
        if (checksum != crc.getValue() || length != (size & 0xffff_ffffL)) {
            throw damaged("a member's checksum or length is wrong");
        }
        inMember = false;
    }

    private void requireZerosToTheEnd() throws IOException {
        do {
            for (; next < end; next++) {
                if (buffer[next] != 0) {
                    throw damaged(String.format("%02x after zero padding (expected: zeros to the end)", buffer[next]));
                }
            }
        } while (fill());
    }

    private void skip(int bytes) throws IOException {
        for (int i = 0; i < bytes; i++) {
            byteAt();
        }
    }

    private int byteAt() throws IOException {
        if (next == end && !fill()) {
            throw damaged("the file ends within a member");
        }
        headerCrc.update(buffer[next]);
        return buffer[next++] & 0xff;
    }

    private boolean fill() throws IOException {
        bufferOffset += end;
        next = 0;
        end = 0;
        int read = file.read(buffer);
        end = Math.max(0, read);
        return read > 0;
    }

    private DamagedContentsException damaged(String what) {
        return new DamagedContentsException("the gzip data is damaged at byte " + (bufferOffset + next) + ": " + what);
    }

    @Override
    public void close() throws IOException {
        inflater.end();
        file.close();
    }
}
