package dev.lyne.teacher;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.Architectures.layeredArchitecture;

import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;

/** Data flows one way: a stage knows the stages after it, and none before. */
@AnalyzeClasses(packages = "dev.lyne.teacher", importOptions = ImportOption.DoNotIncludeTests.class)
final class ArchitectureTest {
    @ArchTest
    static final ArchRule stages_knowOnlyLaterStages = layeredArchitecture()
            .consideringOnlyDependenciesInLayers()
            .layer("server")
            .definedBy("dev.lyne.teacher.server..")
            .layer("rpc")
            .definedBy("dev.lyne.teacher.rpc..")
            .layer("access")
            .definedBy("dev.lyne.teacher.access..")
            .layer("admission")
            .definedBy("dev.lyne.teacher.admission..")
            .layer("replay")
            .definedBy("dev.lyne.teacher.replay..")
            .layer("cache")
            .definedBy("dev.lyne.teacher.cache..")
            .layer("batch")
            .definedBy("dev.lyne.teacher.batch..")
            .layer("model")
            .definedBy("dev.lyne.teacher.model..")
            .whereLayer("server")
            .mayNotBeAccessedByAnyLayer()
            .whereLayer("rpc")
            .mayOnlyBeAccessedByLayers("server")
            .whereLayer("access")
            .mayOnlyBeAccessedByLayers("server")
            .whereLayer("admission")
            .mayOnlyBeAccessedByLayers("server", "rpc")
            .whereLayer("replay")
            .mayOnlyBeAccessedByLayers("server")
            .whereLayer("cache")
            .mayOnlyBeAccessedByLayers("server", "rpc", "admission", "replay")
            .whereLayer("batch")
            .mayOnlyBeAccessedByLayers("server", "rpc", "admission", "cache")
            .whereLayer("model")
            .mayOnlyBeAccessedByLayers("server", "rpc", "admission", "replay", "cache", "batch");

    /** Tiers are known to who opens them; what asks them knows only the interface, and they know nothing of one another. */
    @ArchTest
    static final ArchRule tiers_areKnownOnlyToTheServerThatOpensThem = layeredArchitecture()
            .consideringOnlyDependenciesInLayers()
            .layer("server")
            .definedBy("dev.lyne.teacher.server..")
            .layer("single-flight")
            .definedBy("dev.lyne.teacher.cache")
            .layer("entry")
            .definedBy("dev.lyne.teacher.cache.entry..")
            .layer("disk")
            .definedBy("dev.lyne.teacher.cache.disk..")
            .layer("shared")
            .definedBy("dev.lyne.teacher.cache.shared..")
            .whereLayer("disk")
            .mayOnlyBeAccessedByLayers("server")
            .whereLayer("shared")
            .mayOnlyBeAccessedByLayers("server")
            .whereLayer("entry")
            .mayOnlyBeAccessedByLayers("disk", "shared");

    @ArchTest
    static final ArchRule storage_isKnownOnlyToItsTier = noClasses()
            .that()
            .resideOutsideOfPackages("dev.lyne.teacher.cache.disk..", "dev.lyne.teacher.cache.shared..")
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage("org.rocksdb..", "io.lettuce..", "io.github.resilience4j..");
}
