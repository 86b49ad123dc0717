package dev.lyne.lm.weights;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.ByteBuffer;
import java.util.Random;
import org.junit.jupiter.api.Test;

final class StoredFloatsTest {
    @Test
    void fromThenTo_everyBitPattern_isTheSame() {
        for (int bits = 0; bits < 1 << 16; bits++) {
            short pattern = (short) bits;
            float half = StoredFloats.fromFloat16(pattern);
            float brain = StoredFloats.fromBfloat16(pattern);
            if (!Float.isNaN(half)) {
                assertThat(StoredFloats.toFloat16(half)).isEqualTo(pattern);
            }
            if (!Float.isNaN(brain)) {
                assertThat(StoredFloats.toBfloat16(brain)).isEqualTo(pattern);
            }
        }
        assertThat(StoredFloats.fromFloat16(StoredFloats.toFloat16(Float.NaN))).isNaN();
        assertThat(StoredFloats.fromBfloat16(StoredFloats.toBfloat16(Float.intBitsToFloat(0x7F800001))))
                .isNaN();
    }

    @Test
    void to_betweenTwoValues_takesTheNearestAndTiesToEven() {
        for (int bits = 0; bits < 0x7C00; bits++) { // finite positive float16, and the step to infinity
            float low = StoredFloats.fromFloat16((short) bits);
            float high = bits == 0x7BFF ? 65536f : StoredFloats.fromFloat16((short) (bits + 1));
            float middle = (low + high) / 2; // exact in float32
            int even = bits % 2 == 0 ? bits : bits + 1;
            assertThat(StoredFloats.toFloat16(middle)).isEqualTo((short) even);
            assertThat(StoredFloats.toFloat16(Math.nextDown(middle))).isEqualTo((short) bits);
            assertThat(StoredFloats.toFloat16(Math.nextUp(middle))).isEqualTo((short) (bits + 1));
            assertThat(StoredFloats.toFloat16(-Math.nextUp(middle))).isEqualTo((short) ((bits + 1) | 0x8000));
        }
        for (int bits = 0; bits < 0x7F80; bits++) {
            float middle = Float.intBitsToFloat(bits << 16 | 0x8000);
            int even = bits % 2 == 0 ? bits : bits + 1;
            assertThat(StoredFloats.toBfloat16(middle)).isEqualTo((short) even);
            assertThat(StoredFloats.toBfloat16(Math.nextDown(middle))).isEqualTo((short) bits);
            assertThat(StoredFloats.toBfloat16(Math.nextUp(middle))).isEqualTo((short) (bits + 1));
        }
    }

    @Test
    void encodeThenDecode_eachType_keepsWhatTheTypeHolds() {
        long seed = 7;
        Random random = new Random(seed);
        float[] values = new float[100];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) random.nextGaussian();
        }
        float[] back = new float[100];
        for (StoredType type : new StoredType[] {StoredType.F32, StoredType.BF16, StoredType.F16}) {
            ByteBuffer bytes = ByteBuffer.allocate(100 * type.bytes());
            StoredFloats.encode(values, 0, 100, type, bytes);
            assertThat(bytes.remaining()).isZero();
            StoredFloats.decode(bytes.flip(), type, back, 0, 100);
            float bound = type == StoredType.F32 ? 0 : type == StoredType.BF16 ? 1f / 256 : 1f / 2048;
            for (int i = 0; i < values.length; i++) {
                assertThat(Math.abs(back[i] - values[i]))
                        .as("seed %d, value %d", seed, i)
                        .isLessThanOrEqualTo(bound * Math.abs(values[i]));
            }
        }
    }
}
