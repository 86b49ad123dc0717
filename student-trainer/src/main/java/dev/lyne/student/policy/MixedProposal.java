package dev.lyne.student.policy;

/**
 * The distribution p̃ = α t′ + (1 − α) s′ that tokens of a response are drawn from: t′ and s′ are teacher and student after the temperature and
 * top-p that each was drawn with (teacher-mixed sampling, MiniLLM, arXiv 2306.08543).
 *
 * @param mixing α, the teacher's share, 0 to 1
 */
public record MixedProposal(double mixing) {
    public MixedProposal {
        if (!(mixing >= 0 && mixing <= 1)) {
            throw new IllegalArgumentException("teacher_mixing: " + mixing + " (expected: 0 to 1)");
        }
    }

    /**
     * log p̃ of a token that was drawn.
     *
     * @param logTeacher log t′ of it, −∞ outside the teacher's top-p
     * @param logStudent log s′ of it by the student that drew, −∞ outside the student's
     * @throws IllegalArgumentException where no proposal could have drawn it
     */
    public double logProbability(double logTeacher, double logStudent) {
        double teacher = mixing == 0 ? Double.NEGATIVE_INFINITY : Math.log(mixing) + logTeacher;
        double student = mixing == 1 ? Double.NEGATIVE_INFINITY : Math.log1p(-mixing) + logStudent;
        double greater = Math.max(teacher, student);
        if (!(greater > Double.NEGATIVE_INFINITY && greater <= 1e-6)) {
            throw new IllegalArgumentException("a token of log-probability " + logTeacher + " by the teacher and "
                    + logStudent + " by the student, with teacher_mixing=" + mixing
                    + " (expected: one that could have been drawn)");
        }
        return greater + Math.log1p(Math.exp(Math.min(teacher, student) - greater));
    }
}
