package dev.lyne.student.train;

import dev.lyne.client.TargetSource;
import java.util.List;

/** Runs of the trainer against a teacher in the same process, and listeners to them. */
final class TeacherRuns {
    private TeacherRuns() {}

    static RunSummary run(TrainingConfig config, BigramTeacher teacher, boolean resume, ProgressListener listener)
            throws Exception {
        Trainer.OpenedResources resources = new Trainer.OpenedResources() {
            @Override
            public TargetSource openTeachers(TrainingConfig ignored) {
                return teacher;
            }
        };
        return new TrainingSession(config, resources, listener).run(resume ? RunStart.RESUMED : RunStart.AFRESH);
    }

    /** Adds every step to the list. */
    static ProgressListener listening(List<ProgressListener.Step> steps) {
        return new ProgressListener() {
            @Override
            public void onStep(Step step) {
                steps.add(step);
            }
        };
    }

    /** Throws at a step, as a run that is stopped in the middle. */
    static ProgressListener stopAfter(long step) {
        return new ProgressListener() {
            @Override
            public void onStep(Step done) {
                if (done.step() == step) {
                    throw new Stop();
                }
            }
        };
    }

    /** Exception that a stopped run ends with. */
    static final class Stop extends RuntimeException {
        private static final long serialVersionUID = 1;
    }
}
