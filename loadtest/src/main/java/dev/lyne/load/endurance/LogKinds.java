package dev.lyne.load.endurance;

import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The lines of a server's log by kind, which its level and first three words are, numbers aside.
 *
 * @param lines how many of each kind; those without a time, which no logger wrote, are one kind
 * @param errors lines of level ERROR: defects of the server
 */
record LogKinds(Map<String, Long> lines, List<String> errors) {
    /** Kind of lines that no logger wrote. */
    static final String WITHOUT_A_TIME = "(no time)";

    private static final Pattern LINE = Pattern.compile("\\d\\d:\\d\\d:\\d\\d\\.\\d{3} (\\w+) +(.*)");
    private static final Pattern VARYING = Pattern.compile("[0-9a-f]*\\d[0-9a-f]*|'[^']*'|\"[^\"]*\"");
    private static final int WORDS = 3;

    static LogKinds of(List<String> log) {
        Map<String, Long> lines = new TreeMap<>();
        List<String> errors =
                log.stream().filter(line -> line.matches(".{13}ERROR.*")).toList();
        for (String line : log) {
            Matcher matcher = LINE.matcher(line);
            String kind = WITHOUT_A_TIME;
            if (matcher.matches()) {
                String[] words =
                        VARYING.matcher(matcher.group(2)).replaceAll("#").split(" ", WORDS + 1);
                kind = matcher.group(1) + " "
                        + String.join(" ", List.of(words).subList(0, Math.min(WORDS, words.length)));
            }
            lines.merge(kind, 1L, Long::sum);
        }
        return new LogKinds(lines, errors);
    }
}
