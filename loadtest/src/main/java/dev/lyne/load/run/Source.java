package dev.lyne.load.run;

/** Where rows come from; the constants stand in the order of the contract's numbers. */
enum Source {
    UNSPECIFIED,
    COMPUTED,
    COALESCED,
    MEMORY,
    DISK,
    SHARED,
    REPLAY;

    private static final Source[] ALL = values();

    static Source of(int number) {
        return number >= 0 && number < ALL.length ? ALL[number] : UNSPECIFIED;
    }
}
