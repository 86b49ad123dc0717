package dev.lyne.teacher.cache;

/** Whatever answers checked sequences with encoded rows. Safe for several threads. */
public interface Scorer {
    /** Answers a task, now or later. Never blocks. The waiter may be called before this returns. */
    Ticket score(ScoreTask task, Waiter waiter);
}
