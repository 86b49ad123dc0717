package dev.lyne.lm;

import static com.tngtech.archunit.library.Architectures.layeredArchitecture;

import com.tngtech.archunit.core.importer.ImportOption.DoNotIncludeTests;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;

/** Configuration, then files, then the engine, then what runs on it. */
@AnalyzeClasses(packages = "dev.lyne.lm", importOptions = DoNotIncludeTests.class)
final class ArchitectureTest {
    @ArchTest
    static final ArchRule PACKAGES_KNOW_ONLY_WHAT_LIES_BELOW = layeredArchitecture()
            .consideringOnlyDependenciesInLayers()
            .layer("files")
            .definedBy("dev.lyne.lm.files..")
            .layer("model")
            .definedBy("dev.lyne.lm.model..")
            .layer("tokenizer")
            .definedBy("dev.lyne.lm.tokenizer..")
            .layer("weights")
            .definedBy("dev.lyne.lm.weights..")
            .layer("engine")
            .definedBy("dev.lyne.lm.engine..")
            .layer("generation")
            .definedBy("dev.lyne.lm.generation..")
            .layer("scoring")
            .definedBy("dev.lyne.lm.scoring..")
            .layer("training")
            .definedBy("dev.lyne.lm.training..")
            .whereLayer("files")
            .mayNotAccessAnyLayer()
            .whereLayer("tokenizer")
            .mayNotBeAccessedByAnyLayer()
            .whereLayer("weights")
            .mayOnlyBeAccessedByLayers("engine", "scoring", "training")
            .whereLayer("engine")
            .mayOnlyBeAccessedByLayers("generation", "scoring", "training")
            .whereLayer("generation")
            .mayOnlyBeAccessedByLayers("scoring", "training")
            .whereLayer("scoring")
            .mayOnlyBeAccessedByLayers("training")
            .whereLayer("training")
            .mayNotBeAccessedByAnyLayer();
}
