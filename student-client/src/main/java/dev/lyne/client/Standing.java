package dev.lyne.client;

/**
 * Standing of a replica by its answers: whether it takes what it is to be opened for, and whether what it is asked for
 * fails there. Guarded by its owner.
 *
 * <p>It <em>refuses</em> where it says so for a reason that asking again does not mend. A replica that has accepted before, or that could not
 * read what it was sent, is asked a few times first: a bit may have been turned over on the way, and a token that was taken out may have been
 * replaced.
 *
 * <p>That it is <em>another teacher</em> is believed once it was heard a few times in a row, for the same reason.
 *
 * <p>It is <em>in doubt</em> from a fault, such as a model that threw, until it answers a sequence.
 */
final class Standing {
    private static final int FEW = 3;

    private boolean accepted;
    private boolean refuses;
    private int refusals;
    private int mismatches;
    private int faults;

    /** Notes that the replica has accepted. */
    void accepted() {
        accepted = true;
        refuses = false;
        mismatches = 0;
    }

    /**
     * Notes that it was heard to be another teacher than the one meant. Returns whether it was heard so often that it
     * is believed.
     */
    boolean mismatched() {
        return ++mismatches >= FEW;
    }

    /**
     * Notes a refusal whose reason asking again does not mend. Returns whether the replica refuses from now on, and did
     * not before.
     */
    boolean refused(CallFailure cause) {
        boolean before = refuses;
        refusals++;
        refuses = before || refusals >= (accepted || cause.isGarbled() ? FEW : 1);
        return refuses && !before;
    }

    /** Notes that the replica could not be asked, or refused for another reason: it may accept. */
    void unheard() {
        refuses = false;
    }

    /** Notes an answer to a sequence. Returns whether the replica was left out until now. */
    boolean answered() {
        boolean out = isOut();
        refusals = 0;
        faults = 0;
        return out;
    }

    /** Notes a fault of the replica. Returns whether that was once too often. */
    boolean faulted() {
        return ++faults == FEW;
    }

    /** Returns whether the replica has ever accepted. */
    boolean hasAccepted() {
        return accepted;
    }

    boolean refuses() {
        return refuses;
    }

    boolean isInDoubt() {
        return faults > 0;
    }

    /** Returns whether the replica has been in doubt for so long that others are asked for all. */
    boolean isOut() {
        return faults >= FEW;
    }

    /** Returns whether the replica can be waited for: it was there before, and nothing speaks against it. */
    boolean isExpected() {
        return accepted && !refuses && !isInDoubt();
    }
}
