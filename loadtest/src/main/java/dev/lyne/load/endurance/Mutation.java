package dev.lyne.load.endurance;

import java.util.Arrays;
import java.util.SplittableRandom;

/** A way to change bytes. */
enum Mutation {
    FLIP {
        @Override
        byte[] apply(byte[] bytes, SplittableRandom random) {
            if (bytes.length == 0) {
                return bytes;
            }
            byte[] changed = bytes.clone();
            changed[random.nextInt(bytes.length)] ^= (byte) (1 << random.nextInt(8));
            return changed;
        }
    },
    REPLACE {
        @Override
        byte[] apply(byte[] bytes, SplittableRandom random) {
            if (bytes.length == 0) {
                return bytes;
            }
            byte[] changed = bytes.clone();
            changed[random.nextInt(bytes.length)] = TELLING[random.nextInt(TELLING.length)];
            return changed;
        }
    },
    CUT {
        @Override
        byte[] apply(byte[] bytes, SplittableRandom random) {
            return Arrays.copyOf(bytes, random.nextInt(bytes.length + 1));
        }
    },
    INSERT {
        @Override
        byte[] apply(byte[] bytes, SplittableRandom random) {
            byte[] more = new byte[1 + random.nextInt(12)];
            random.nextBytes(more);
            int at = random.nextInt(bytes.length + 1);
            byte[] changed = Arrays.copyOf(bytes, bytes.length + more.length);
            System.arraycopy(more, 0, changed, at, more.length);
            System.arraycopy(bytes, at, changed, at + more.length, bytes.length - at);
            return changed;
        }
    },
    REPEAT {
        @Override
        byte[] apply(byte[] bytes, SplittableRandom random) {
            int from = random.nextInt(bytes.length + 1);
            int length = random.nextInt(bytes.length - from + 1);
            byte[] changed = Arrays.copyOf(bytes, bytes.length + length);
            System.arraycopy(bytes, from, changed, bytes.length, length);
            return changed;
        }
    };

    /** Bytes at the ends of what integers, tags and lengths hold. */
    private static final byte[] TELLING = {0, 1, 0x7f, (byte) 0x80, (byte) 0xff, 0x0a, 0x12, 0x1a, 0x08, 0x10};

    abstract byte[] apply(byte[] bytes, SplittableRandom random);

    /** Any of them. */
    static Mutation of(SplittableRandom random) {
        return values()[random.nextInt(values().length)];
    }
}
