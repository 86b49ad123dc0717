package dev.lyne.teacher;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.Architectures.layeredArchitecture;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;

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
            .layer("http")
            .definedBy("dev.lyne.teacher.http..")
            .layer("admission")
            .definedBy("dev.lyne.teacher.admission..")
            .layer("replay")
            .definedBy("dev.lyne.teacher.replay..")
            .layer("cache")
            .definedBy("dev.lyne.teacher.cache..")
            .layer("score")
            .definedBy("dev.lyne.teacher.score..")
            .layer("decode")
            .definedBy("dev.lyne.teacher.decode..")
            .layer("batch")
            .definedBy("dev.lyne.teacher.batch..")
            .layer("engine")
            .definedBy("dev.lyne.teacher.engine..")
            .layer("model")
            .definedBy("dev.lyne.teacher.model..")
            .layer("tenant")
            .definedBy("dev.lyne.teacher.tenant..")
            .layer("trace")
            .definedBy("dev.lyne.teacher.trace..")
            .whereLayer("server")
            .mayNotBeAccessedByAnyLayer()
            .whereLayer("rpc")
            .mayOnlyBeAccessedByLayers("server")
            .whereLayer("access")
            .mayOnlyBeAccessedByLayers("server", "rpc", "http")
            .whereLayer("http")
            .mayOnlyBeAccessedByLayers("server")
            .whereLayer("admission")
            .mayOnlyBeAccessedByLayers("server", "rpc", "http")
            .whereLayer("replay")
            .mayOnlyBeAccessedByLayers("server")
            .whereLayer("cache")
            .mayOnlyBeAccessedByLayers("server")
            .whereLayer("score")
            .mayOnlyBeAccessedByLayers("server", "rpc", "http", "admission", "replay", "cache")
            .whereLayer("decode")
            .mayOnlyBeAccessedByLayers("server", "rpc", "admission")
            .whereLayer("batch")
            .mayOnlyBeAccessedByLayers("server", "score", "decode")
            .whereLayer("engine")
            .mayNotBeAccessedByAnyLayer()
            .whereLayer("model")
            .mayOnlyBeAccessedByLayers(
                    "server",
                    "rpc",
                    "http",
                    "access",
                    "admission",
                    "replay",
                    "cache",
                    "score",
                    "decode",
                    "batch",
                    "engine")
            .whereLayer("tenant")
            .mayOnlyBeAccessedByLayers(
                    "server", "rpc", "http", "access", "admission", "score", "decode", "batch", "engine", "model")
            .whereLayer("trace")
            .mayOnlyBeAccessedByLayers("server", "rpc", "http", "score", "batch", "model");

    @ArchTest
    static final ArchRule packages_areFreeOfCycles =
            slices().matching("dev.lyne.teacher.(**)").should().beFreeOfCycles();

    /**
     * A tier is known to the server, which opens it, and its options to whoever sets them; the rest knows the interface. Tiers know
     * nothing of one another.
     */
    @ArchTest
    static final ArchRule tiers_areKnownOnlyToTheServerThatOpensThem = layeredArchitecture()
            .consideringOnlyDependenciesInLayers()
            .layer("server")
            .definedBy("dev.lyne.teacher.server..")
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

    /** A teacher that computes, replays or fetches imports no cache. */
    @ArchTest
    static final ArchRule score_asksForKeptRowsByItsOwnInterface = noClasses()
            .that()
            .resideInAnyPackage(
                    "dev.lyne.teacher.score..",
                    "dev.lyne.teacher.replay..",
                    "dev.lyne.teacher.synthetic..",
                    "dev.lyne.teacher.rpc..",
                    "dev.lyne.teacher.http..",
                    "dev.lyne.teacher.engine..",
                    "dev.lyne.teacher.admission..")
            .should()
            .dependOnClassesThat()
            .resideInAPackage("dev.lyne.teacher.cache..");

    /** Models are the business of one package; the others know what a row is asked for and what comes of it. */
    @ArchTest
    static final ArchRule models_areKnownOnlyToTheirPackage = noClasses()
            .that()
            .resideOutsideOfPackage("dev.lyne.teacher.model..")
            .should()
            .dependOnClassesThat()
            .resideInAPackage("dev.lyne.lm..");

    @ArchTest
    static final ArchRule storage_isKnownOnlyToItsTier = noClasses()
            .that()
            .resideOutsideOfPackages("dev.lyne.teacher.cache.disk..", "dev.lyne.teacher.cache.shared..")
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage("org.rocksdb..", "io.lettuce..", "io.github.resilience4j..");
}
