package dev.lyne.student.checkpoint;

import java.nio.file.Path;

/**
 * A checkpoint as it stands on the disk.
 *
 * @param directory its directory
 * @param stateFile weights and optimiser state
 * @param name of the run that wrote it
 * @param run everything else
 */
public record Checkpoint(Path directory, Path stateFile, String name, RunState run) {}
