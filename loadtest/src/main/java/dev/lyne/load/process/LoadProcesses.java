package dev.lyne.load.process;

import dev.lyne.load.result.LoadResult;
import dev.lyne.load.result.Merge;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Parts of a load in processes of their own, side by side. */
public final class LoadProcesses {
    private static final int SECONDS_TO_START = 3;

    private final int processes;

    public LoadProcesses(int processes) {
        this.processes = processes;
    }

    /**
     * Runs the parts and merges what they measured.
     *
     * @param options the whole load's, by name
     */
    public LoadResult run(Map<String, String> options) throws IOException, InterruptedException {
        Path scratch = Files.createTempDirectory("lyne-load");
        Instant start = Instant.now().plusSeconds(SECONDS_TO_START);
        List<ChildProcess> children = new ArrayList<>();
        try {
            for (int part = 1; part <= processes; part++) {
                List<String> arguments = new ArrayList<>(List.of("load"));
                options.forEach((name, value) -> arguments.addAll(argument(name, value)));
                arguments.add("--unjudged"); // the whole load is judged, not a part
                arguments.add("--part=" + part + "/" + processes);
                arguments.add("--start-at=" + start);
                arguments.add("--json=" + scratch.resolve(part + ".json"));
                if (part > 1) {
                    arguments.removeIf(argument -> argument.startsWith("--metrics="));
                }
                children.add(ChildProcess.start("part " + part, scratch.resolve(part + ".log"), 1, "512m", arguments));
            }
            List<LoadResult> parts = new ArrayList<>();
            for (int part = 1; part <= processes; part++) {
                children.get(part - 1).awaitSuccess();
                parts.add(LoadResult.read("--json", scratch.resolve(part + ".json")));
            }
            Directories.delete(scratch); // kept, with the logs in it, where a part fails
            return Merge.of(parts);
        } finally {
            children.forEach(ChildProcess::close);
        }
    }

    private static List<String> argument(String name, String value) {
        String option = "--" + name.replace('_', '-');
        if (name.equals("part") || name.equals("ramp") || value.equals("false") || value.isEmpty()) {
            return List.of();
        }
        if (value.equals("true")) {
            return List.of(option);
        }
        boolean list = value.startsWith("[") && value.endsWith("]");
        String text = list ? value.substring(1, value.length() - 1).replace(" ", "") : value;
        return text.isEmpty() ? List.of() : List.of(option + "=" + text);
    }
}
