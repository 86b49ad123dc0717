package dev.lyne.student.train;

/**
 * Rule by which one of a run's teachers is asked for the window at a place: a pure function, so that a run that goes on
 * asks the same ones.
 */
interface TeacherChoice {
    /** The only one there is. */
    TeacherChoice ALONE = place -> 0;

    /** The teacher's number, from 0. */
    int at(long place);
}
