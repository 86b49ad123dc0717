package dev.lyne.cli;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.Architectures.layeredArchitecture;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;

import com.tngtech.archunit.core.importer.ImportOption.DoNotIncludeTests;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;

/** Rules of which module may know which; each module's own test orders its packages. */
@AnalyzeClasses(packages = "dev.lyne", importOptions = DoNotIncludeTests.class)
final class ArchitectureTest {
    /** Each module, and who may know it; the poms say the same, but for what a module brings along. */
    @ArchTest
    static final ArchRule MODULES_KNOW_ONLY_THOSE_BELOW = layeredArchitecture()
            .consideringOnlyDependenciesInLayers()
            .layer("proto")
            .definedBy("dev.lyne.v1..", "dev.lyne.row..", "dev.lyne.files..", "dev.lyne.wire..")
            .layer("student-client")
            .definedBy("dev.lyne.client..")
            .layer("language-model")
            .definedBy("dev.lyne.lm..")
            .layer("student-trainer")
            .definedBy("dev.lyne.student..")
            .layer("teacher-server")
            .definedBy("dev.lyne.teacher..")
            .layer("loadtest")
            .definedBy("dev.lyne.load..")
            .layer("cli")
            .definedBy("dev.lyne.cli..")
            .whereLayer("proto")
            .mayOnlyBeAccessedByLayers(
                    "student-client", "language-model", "student-trainer", "teacher-server", "loadtest", "cli")
            .whereLayer("student-client")
            .mayOnlyBeAccessedByLayers("student-trainer", "loadtest", "cli")
            .whereLayer("language-model")
            .mayOnlyBeAccessedByLayers("student-trainer", "teacher-server", "loadtest", "cli")
            .whereLayer("student-trainer")
            .mayOnlyBeAccessedByLayers("loadtest", "cli")
            .whereLayer("teacher-server")
            .mayOnlyBeAccessedByLayers("loadtest", "cli")
            .whereLayer("loadtest")
            .mayOnlyBeAccessedByLayers("cli")
            .whereLayer("cli")
            .mayNotBeAccessedByAnyLayer();

    /** Of what all share, models know rows and selections; how those travel is none of their business. */
    @ArchTest
    static final ArchRule MODELS_KNOW_ROWS_AND_NOT_THE_WIRE = noClasses()
            .that()
            .resideInAPackage("dev.lyne.lm..")
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage("dev.lyne.wire..", "dev.lyne.v1..");

    @ArchTest
    static final ArchRule ROWS_KNOW_NO_CODEC = noClasses()
            .that()
            .resideInAPackage("dev.lyne.row..")
            .should()
            .dependOnClassesThat()
            .resideInAPackage("dev.lyne.wire..");

    @ArchTest
    static final ArchRule MODELS_KNOW_NO_NETWORK = noClasses()
            .that()
            .resideInAPackage("dev.lyne.lm..")
            .should()
            .dependOnClassesThat()
            .resideInAPackage("io.grpc..");

    @ArchTest
    static final ArchRule THE_CLIENT_KNOWS_NO_TENSORS = noClasses()
            .that()
            .resideInAnyPackage(
                    "dev.lyne.client..", "dev.lyne.row..", "dev.lyne.files..", "dev.lyne.wire..", "dev.lyne.v1..")
            .should()
            .dependOnClassesThat()
            .resideInAPackage("ai.djl..");

    /** A kind of command knows what all share, and none of another kind. */
    @ArchTest
    static final ArchRule COMMANDS_KNOW_NO_OTHER_KIND = layeredArchitecture()
            .consideringOnlyDependenciesInLayers()
            .layer("root")
            .definedBy("dev.lyne.cli")
            .layer("serve")
            .definedBy("dev.lyne.cli.serve..")
            .layer("train")
            .definedBy("dev.lyne.cli.train..")
            .layer("measure")
            .definedBy("dev.lyne.cli.measure..")
            .layer("demo")
            .definedBy("dev.lyne.cli.demo..")
            .layer("common")
            .definedBy("dev.lyne.cli.common..")
            .whereLayer("root")
            .mayNotBeAccessedByAnyLayer()
            .whereLayer("serve")
            .mayOnlyBeAccessedByLayers("root")
            .whereLayer("train")
            .mayOnlyBeAccessedByLayers("root")
            .whereLayer("measure")
            .mayOnlyBeAccessedByLayers("root")
            .whereLayer("demo")
            .mayOnlyBeAccessedByLayers("root");

    @ArchTest
    static final ArchRule PACKAGES_ARE_FREE_OF_CYCLES =
            slices().matching("dev.lyne.(**)").should().beFreeOfCycles();
}
