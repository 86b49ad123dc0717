package dev.lyne.student.page;

import com.fasterxml.jackson.annotation.JsonSubTypes;
import com.fasterxml.jackson.annotation.JsonTypeInfo;
import java.util.List;

/** A part of a section of a page. */
@JsonTypeInfo(use = JsonTypeInfo.Id.NAME, property = "kind")
@JsonSubTypes({
    @JsonSubTypes.Type(value = Chart.class, name = "chart"),
    @JsonSubTypes.Type(value = Block.Table.class, name = "table"),
    @JsonSubTypes.Type(value = Block.Facts.class, name = "facts"),
    @JsonSubTypes.Type(value = Block.Shares.class, name = "shares"),
    @JsonSubTypes.Type(value = Block.Texts.class, name = "texts"),
    @JsonSubTypes.Type(value = Block.Paragraph.class, name = "paragraph"),
})
public sealed interface Block permits Chart, Block.Table, Block.Facts, Block.Shares, Block.Texts, Block.Paragraph {
    /**
     * A table.
     *
     * @param summary line that it is folded under; empty for a table that stands open
     * @param rows cells, the first of each row its name
     */
    record Table(String summary, List<String> head, List<List<String>> rows) implements Block {
        public Table {
            head = List.copyOf(head);
            rows = rows.stream().map(List::copyOf).toList();
            for (List<String> row : rows) {
                if (row.size() != head.size()) {
                    throw new IllegalArgumentException(
                            "row " + row + ": " + row.size() + " cells (expected: " + head.size() + ")");
                }
            }
        }
    }

    /** Names with their values. */
    record Facts(List<Fact> facts) implements Block {
        public Facts {
            facts = List.copyOf(facts);
        }
    }

    /** A name with its value. */
    record Fact(String label, String value) {}

    /**
     * Bars that divide wholes.
     *
     * @param color number of the colour of the title's mark
     */
    record Shares(String title, String note, int color, List<Bar> bars) implements Block {
        public Shares {
            bars = List.copyOf(bars);
        }
    }

    /** A whole and its parts. */
    record Bar(String title, List<Part> parts) {
        public Bar {
            parts = List.copyOf(parts);
        }
    }

    /** A part of a whole, 0..1. */
    record Part(String name, double share) {}

    /** Texts side by side, with what they all begin with. */
    record Texts(String beginning, List<Text> texts) implements Block {
        public Texts {
            texts = List.copyOf(texts);
        }
    }

    /** A text and who wrote it. */
    record Text(String author, String text) {}

    /** Words. */
    record Paragraph(String text) implements Block {}
}
