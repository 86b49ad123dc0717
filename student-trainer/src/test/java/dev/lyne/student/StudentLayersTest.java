package dev.lyne.student;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;

import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;

/**
 * Data flows corpus → tokens → targets (client) → loss → step and checkpoint → report, and nothing imports leftwards but the
 * trainer, which is put together from all of them, evaluation and recording, which read windows and targets.
 */
@AnalyzeClasses(packages = "dev.lyne.student", importOptions = ImportOption.DoNotIncludeTests.class)
final class StudentLayersTest {
    @ArchTest
    static final ArchRule PACKAGES_HAVE_NO_CYCLES =
            slices().matching("dev.lyne.student.(*)..").should().beFreeOfCycles();

    @ArchTest
    static final ArchRule NOTHING_THAT_IT_IS_MADE_OF_KNOWS_THE_TRAINER = noClasses()
            .that()
            .resideOutsideOfPackage("dev.lyne.student.train..")
            .should()
            .dependOnClassesThat()
            .resideInAPackage("dev.lyne.student.train..");

    @ArchTest
    static final ArchRule NOTHING_AFTER_THE_CORPUS_READS_TEXT = noClasses()
            .that()
            .resideInAnyPackage(
                    "dev.lyne.student.tokens..",
                    "dev.lyne.student.capture..",
                    "dev.lyne.student.loss..",
                    "dev.lyne.student.checkpoint..",
                    "dev.lyne.student.evaluate..",
                    "dev.lyne.student.report..")
            .should()
            .dependOnClassesThat()
            .resideInAPackage("dev.lyne.student.corpus..");

    @ArchTest
    static final ArchRule LOSS_AND_FILES_KNOW_NO_WINDOWS = noClasses()
            .that()
            .resideInAnyPackage("dev.lyne.student.loss..", "dev.lyne.student.checkpoint..", "dev.lyne.student.report..")
            .should()
            .dependOnClassesThat()
            .resideInAPackage("dev.lyne.student.tokens..");

    @ArchTest
    static final ArchRule THE_LOSS_KNOWS_NO_TEACHER = noClasses()
            .that()
            .resideInAPackage("dev.lyne.student.loss..")
            .should()
            .dependOnClassesThat()
            .resideInAPackage("dev.lyne.client..");

    @ArchTest
    static final ArchRule CHECKPOINTS_AND_REPORTS_STAND_ALONE = noClasses()
            .that()
            .resideInAnyPackage("dev.lyne.student.checkpoint..", "dev.lyne.student.report..")
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage(
                    "dev.lyne.client..",
                    "dev.lyne.student.loss..",
                    "dev.lyne.student.evaluate..",
                    "dev.lyne.lm.model..",
                    "dev.lyne.lm.engine..",
                    "dev.lyne.lm.weights..",
                    "dev.lyne.lm.tokenizer..",
                    "dev.lyne.lm.scoring..",
                    "dev.lyne.lm.generation..",
                    "dev.lyne.lm.training..");
}
