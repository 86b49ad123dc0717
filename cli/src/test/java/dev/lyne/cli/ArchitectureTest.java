package dev.lyne.cli;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;

import com.tngtech.archunit.core.importer.ImportOption.DoNotIncludeTests;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;
import com.tngtech.archunit.library.dependencies.SlicesRuleDefinition;

/** Which module may know which; each module's own test orders its packages. */
@AnalyzeClasses(packages = "dev.lyne", importOptions = DoNotIncludeTests.class)
final class ArchitectureTest {
    @ArchTest
    static final ArchRule LANGUAGE_MODEL_KNOWS_NOTHING_OF_TEACHERS_STUDENTS_OR_NETWORKS = noClasses()
            .that()
            .resideInAPackage("dev.lyne.lm..")
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage(
                    "dev.lyne.v1..", "dev.lyne.wire..", "dev.lyne.teacher..", "dev.lyne.student..", "io.grpc..");

    @ArchTest
    static final ArchRule WIRE_KNOWS_NO_MODEL_AND_NO_END = noClasses()
            .that()
            .resideInAPackage("dev.lyne.wire..")
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage("dev.lyne.lm..", "dev.lyne.teacher..", "dev.lyne.student..");

    @ArchTest
    static final ArchRule TEACHER_AND_STUDENT_MEET_ONLY_ON_THE_WIRE = noClasses()
            .that()
            .resideInAPackage("dev.lyne.teacher..")
            .should()
            .dependOnClassesThat()
            .resideInAPackage("dev.lyne.student..");

    @ArchTest
    static final ArchRule STUDENT_KNOWS_NO_TEACHER_SERVER = noClasses()
            .that()
            .resideInAPackage("dev.lyne.student..")
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage("dev.lyne.teacher..", "dev.lyne.load..", "dev.lyne.cli..");

    @ArchTest
    static final ArchRule ONLY_THE_COMMAND_LINE_KNOWS_ITSELF = noClasses()
            .that()
            .resideOutsideOfPackage("dev.lyne.cli..")
            .should()
            .dependOnClassesThat()
            .resideInAPackage("dev.lyne.cli..");

    @ArchTest
    static final ArchRule PACKAGES_ARE_FREE_OF_CYCLES =
            SlicesRuleDefinition.slices().matching("dev.lyne.(**)").should().beFreeOfCycles();
}
