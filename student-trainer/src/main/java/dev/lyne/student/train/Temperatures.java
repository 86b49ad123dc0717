package dev.lyne.student.train;

import dev.lyne.row.Selection;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Temperatures of the teacher and of the student by step. A schedule of the teacher's takes a few values only, evenly spread, since
 * the offset c_τ of each has to be asked for beforehand.
 *
 * @param kind schedule of the teacher's temperature, one of {@link Schedule#KINDS} without {@code wsd} and {@code periodic}
 * @param high greatest temperature of the teacher
 * @param low least one; {@code high} where it is constant
 * @param student of the student; 0 where it is the teacher's
 */
public record Temperatures(String kind, double high, double low, double student) {
    /** Kinds of schedule. */
    static final List<String> KINDS = List.of("constant", "linear_up", "linear_down", "cosine");

    private static final int VALUES = 8;

    /** {@link Selection#MIN_TEMPERATURE} as it is written. */
    static final double LEAST = 0.01;

    /** The settings' temperatures. */
    static Temperatures of(Settings settings) {
        double high = temperature(settings, Setting.TEACHER_TEMPERATURE);
        String kind = settings.choice(Setting.TEMPERATURE_SCHEDULE, KINDS);
        String text = settings.text(Setting.STUDENT_TEMPERATURE);
        double student = text.equals("teacher") ? 0 : temperature(settings, Setting.STUDENT_TEMPERATURE);
        if (kind.equals("constant")) {
            if (settings.optional(Setting.FINAL_TEMPERATURE).isPresent()) {
                throw Settings.refused(
                        Setting.FINAL_TEMPERATURE,
                        settings.text(Setting.FINAL_TEMPERATURE),
                        "not given with temperature_schedule=constant");
            }
            return new Temperatures(kind, high, high, student);
        }
        double low = settings.optional(Setting.FINAL_TEMPERATURE).isPresent()
                ? temperature(settings, Setting.FINAL_TEMPERATURE)
                : 1;
        if (low > high) {
            throw Settings.refused(Setting.FINAL_TEMPERATURE, low, "at most teacher_temperature=" + high);
        }
        return new Temperatures(kind, high, low, student);
    }

    private static double temperature(Settings settings, Setting setting) {
        // The contract carries temperatures as float, and c_τ belongs to that very number.
        return (float) settings.number(setting, LEAST, Selection.MAX_TEMPERATURE, true);
    }

    /** Every temperature that the teacher's distribution will have, from the least up. */
    List<Float> values() {
        return low == high
                ? List.of((float) high)
                : IntStream.range(0, VALUES)
                        .mapToObj(i -> (float) (low + (high - low) * i / (VALUES - 1)))
                        .toList();
    }

    /** The temperatures to ask c_τ for. */
    List<Float> asked() {
        return values().stream().filter(value -> value != 1f).toList();
    }

    /** The teacher's at a step of a run of so many: of the values, the one nearest to the schedule. */
    float teacherAt(long step, long steps) {
        if (low == high) {
            return (float) high;
        }
        double wanted = new Schedule(kind, high, low, 0, 0, 0, steps).at(step);
        return values().get((int) Math.round((wanted - low) / (high - low) * (VALUES - 1)));
    }

    /** The student's where the teacher's is this one. */
    double studentAt(float teacher) {
        return student == 0 ? teacher : student;
    }

    /** Whether the student's changes from step to step. */
    boolean studentVaries() {
        return student == 0 && low != high;
    }

    /** All of it, as checkpoints name it. */
    String describe() {
        String own = student == 0 ? "teacher" : Double.toString(student);
        return "teacher " + kind + " high=" + high + " low=" + low + ", student " + own;
    }
}
