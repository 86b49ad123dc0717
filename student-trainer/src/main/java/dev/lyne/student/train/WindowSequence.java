package dev.lyne.student.train;

import dev.lyne.student.tokens.EpochOrder;
import dev.lyne.student.tokens.Window;
import dev.lyne.student.tokens.Windows;

/** The windows of all epochs in training order, numbered from 0 without end: a pure function of corpus and seed. */
final class WindowSequence {
    private final Windows windows;
    private final EpochOrder order;

    WindowSequence(Windows windows, long seed) {
        this.windows = windows;
        this.order = new EpochOrder(windows.count(), seed);
    }

    /** The window at that place. */
    Window at(long place) {
        return windows.window(corpusIndex(place));
    }

    /** The beginning of the window at that place, and what its document goes on with; see {@link Windows#passage}. */
    Windows.Passage passage(long place, int plainTokens, int responseTokens) {
        return windows.passage(corpusIndex(place), plainTokens, responseTokens);
    }

    /** The file of the corpus that the window at that place is from, by its number. */
    int fileOf(long place) {
        return windows.fileOf(corpusIndex(place));
    }

    /** Returns the number in the corpus of the window at a place. */
    long corpusIndex(long place) {
        return order.at(epoch(place), index(place));
    }

    long epoch(long place) {
        return place / windows.count();
    }

    long index(long place) {
        return place % windows.count();
    }

    long place(long epoch, long index) {
        return Math.addExact(Math.multiplyExact(epoch, windows.count()), index);
    }

    /** Optimiser steps that so many epochs take, the last one reaching into the next epoch where it does not come out even. */
    long steps(double epochs, int batch) {
        return Math.max(1, (long) Math.ceil(epochs * windows.count() / batch));
    }
}
