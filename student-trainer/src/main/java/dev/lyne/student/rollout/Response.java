package dev.lyne.student.rollout;

/**
 * Text written after a prompt, with what is known of each token as it was drawn.
 *
 * @param tokens token ids, at least one; the stop token last where there is one
 * @param ended whether it ends with a stop token, and not at its greatest length
 * @param studentLogProbabilities by the student that wrote it, at temperature 1, nats
 * @param studentProposalLogProbabilities by the same at the temperature and top-p of its draws; −∞ for a token of the teacher's outside
 * @param teacherProposalLogProbabilities by the teacher at the temperature and top-p of its draws; empty where tokens are scored afterwards
 * @param teacherDraws tokens that the teacher drew
 */
@SuppressWarnings("ArrayRecordComponent") // a carrier of values; contents are never compared
public record Response(
        int[] tokens,
        boolean ended,
        double[] studentLogProbabilities,
        double[] studentProposalLogProbabilities,
        double[] teacherProposalLogProbabilities,
        int teacherDraws) {
    public Response {
        int length = tokens.length;
        int proposals = teacherProposalLogProbabilities.length;
        if (length == 0
                || studentLogProbabilities.length != length
                || studentProposalLogProbabilities.length != length
                || proposals != 0 && proposals != length) {
            throw new IllegalArgumentException(
                    "a response of " + length + " tokens with " + studentLogProbabilities.length + ", "
                            + studentProposalLogProbabilities.length + " and " + proposals
                            + " log-probabilities (expected: at least one token, and as many)");
        }
    }
}
