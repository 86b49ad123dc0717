//! The header of a block (docs/wire-format.md).

use crate::fault::{malformed, require, Outcome};

/// The one version of blocks that is read.
pub const VERSION: u8 = 2;
const MAGIC: &[u8; 4] = b"LYNB";
const FIXED_BYTES: usize = 104;
const CHECKSUM_BYTES: usize = 4;
const MAX_BLOCK_BYTES: usize = 1 << 27;
const MAX_ROWS: u32 = 1 << 16;
const MAX_TEMPERATURES: u32 = 64;
const MAX_VOCABULARY: u32 = 1 << 20;
/// Temperatures of rows, and of the prefixes that they keep.
const TEMPERATURES: std::ops::RangeInclusive<f32> = 0.01..=1000.0;
pub const MAX_DRAWS: u32 = 1 << 16;

/// Which entries a row keeps.
#[derive(Debug, Clone, PartialEq)]
pub enum Selection {
    TopK(u32),
    TopPK { k: u32 },
    TopFraction(u32),
    Draws { draws: u32, head: u32 },
    Chosen(u32),
    LabelOnly,
}

impl Selection {
    /// Most entries of a row.
    pub fn most(&self, vocabulary: u32) -> u32 {
        match *self {
            Selection::TopK(k) | Selection::TopPK { k } | Selection::TopFraction(k) | Selection::Chosen(k) => k,
            Selection::Draws { draws, head } => vocabulary.min(draws.saturating_add(head)),
            Selection::LabelOnly => 0,
        }
    }

    pub fn is_drawn(&self) -> bool {
        matches!(self, Selection::Draws { .. })
    }

    /// Whether rows are prefixes of one order, which can be cut.
    pub fn is_prefix(&self) -> bool {
        matches!(self, Selection::TopK(_) | Selection::TopPK { .. } | Selection::TopFraction(_))
    }

    pub fn may_be_empty(&self) -> bool {
        matches!(self, Selection::Chosen(_) | Selection::LabelOnly)
    }
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Precision {
    Exact,
    Half,
    Compact,
}

/// What a block says of itself, as far as its columns need it.
#[derive(Debug, Clone)]
pub struct Header {
    pub vocabulary: u32,
    pub selection: Selection,
    pub precision: Precision,
    pub raw_logits: bool,
    pub temperatures: Vec<f32>,
    /// Position of each row.
    pub positions: Vec<u32>,
    /// Rows that have a label: all, or all but the last.
    pub label_rows: usize,
    /// Bytes of the header.
    pub size: usize,
}

impl Header {
    pub fn rows(&self) -> usize {
        self.positions.len()
    }
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

/// The bytes without their checksum, once size, magic, version and checksum are found right.
pub fn checked(block: &[u8]) -> Outcome<&[u8]> {
    let least = FIXED_BYTES + CHECKSUM_BYTES;
    require((least..=MAX_BLOCK_BYTES).contains(&block.len()), || {
        format!("{} bytes (expected: {least}..{MAX_BLOCK_BYTES})", block.len())
    })?;
    require(&block[..4] == MAGIC, || "no block: it starts otherwise".into())?;
    require(block[4] == VERSION, || {
        format!("version {} (expected: {VERSION}; is one end older?)", block[4])
    })?;
    let (payload, stated) = block.split_at(block.len() - CHECKSUM_BYTES);
    let (found, stated) = (crc32c::crc32c(payload), u32_at(stated, 0));
    require(found == stated, || {
        format!("CRC32C {found:08x} of the bytes (expected: {stated:08x} as stated)")
    })?;
    Ok(payload)
}

/// Reads the header of bytes that were `checked`.
pub fn read(payload: &[u8]) -> Outcome<Header> {
    let precision = match payload[5] {
        1 => Precision::Exact,
        2 => Precision::Half,
        3 => Precision::Compact,
        other => return malformed(format!("precision {other} (expected: 1..3)")),
    };
    let (kind, flags) = (payload[6], payload[7]);
    require(flags & !3 == 0, || format!("flags {flags} (expected: 0..3)"))?;
    let raw_logits = flags & 2 != 0;
    require(!(raw_logits && precision == Precision::Compact), || {
        "raw logits in compact precision (expected: exact or half)".into()
    })?;
    let vocabulary = u32_at(payload, 8);
    require((1..=MAX_VOCABULARY).contains(&vocabulary), || {
        format!("vocabulary_size: {vocabulary} (expected: 1..{MAX_VOCABULARY})")
    })?;
    let (taus, rows, ranges) = (u32_at(payload, 92), u32_at(payload, 96), u32_at(payload, 100));
    require(taus <= MAX_TEMPERATURES, || format!("{taus} temperatures (expected: 0..{MAX_TEMPERATURES})"))?;
    require((1..=MAX_ROWS).contains(&rows), || format!("{rows} rows (expected: 1..{MAX_ROWS})"))?;
    require((1..=rows).contains(&ranges), || format!("{ranges} position ranges (expected: 1..{rows})"))?;
    let size = FIXED_BYTES + 4 * taus as usize + 8 * ranges as usize;
    require(payload.len() >= size, || {
        format!("{} bytes (expected: at least {size}, the header's)", payload.len())
    })?;
    let temperatures: Vec<f32> = (0..taus as usize)
        .map(|i| f32::from_bits(u32_at(payload, FIXED_BYTES + 4 * i)))
        .collect();
    for (i, &tau) in temperatures.iter().enumerate() {
        let distinct = !temperatures[..i].contains(&tau);
        require(TEMPERATURES.contains(&tau) && distinct, || {
            format!("temperature {tau} (expected: distinct, 0.01..1000)")
        })?;
    }
    Ok(Header {
        vocabulary,
        selection: selection(payload, kind, vocabulary)?,
        precision,
        raw_logits,
        positions: positions(payload, FIXED_BYTES + 4 * taus as usize, ranges as usize, rows as usize)?,
        temperatures,
        label_rows: rows as usize - (flags & 1) as usize,
        size,
    })
}

fn selection(payload: &[u8], kind: u8, vocabulary: u32) -> Outcome<Selection> {
    let k = u32_at(payload, 12);
    let eight = u64::from_le_bytes(payload[16..24].try_into().expect("eight bytes"));
    let (first, four) = (f64::from_bits(eight), u32_at(payload, 24));
    let second = f32::from_bits(four);
    let plain = eight == 1f64.to_bits() && four == 1f32.to_bits();
    let counted = (1..=vocabulary).contains(&k);
    let (found, sound) = match kind {
        1 => (Selection::TopK(k), counted && plain),
        2 => {
            let bounded = first > 0.0 && first <= 1.0 && TEMPERATURES.contains(&second);
            (Selection::TopPK { k }, counted && bounded)
        }
        3 => {
            let bounded = first > 0.0 && first <= 1.0;
            let most = ((first * f64::from(vocabulary)).ceil() as u32).min(vocabulary);
            let sound = bounded && k == most && four == 1f32.to_bits();
            (Selection::TopFraction(k), sound)
        }
        4 => {
            let sound = k <= vocabulary && (1..=MAX_DRAWS).contains(&four);
            (Selection::Draws { draws: four, head: k }, sound)
        }
        5 => (Selection::Chosen(k), counted && plain),
        6 => (Selection::LabelOnly, k == 0 && plain),
        _ => return malformed(format!("selection kind {kind} (expected: 1..6)")),
    };
    require(sound, || format!("selection of kind {kind} with k {k}, {first}, {four} (expected: those of its kind)"))?;
    Ok(found)
}

fn positions(payload: &[u8], at: usize, ranges: usize, rows: usize) -> Outcome<Vec<u32>> {
    let mut positions = Vec::with_capacity(rows);
    let mut end = 0u64;
    for range in 0..ranges {
        let (first, count) = (u32_at(payload, at + 8 * range), u32_at(payload, at + 8 * range + 4));
        let sound = count > 0
            && count as usize <= rows - positions.len()
            && u64::from(first) >= end
            && u64::from(first) + u64::from(count) <= i32::MAX as u64;
        require(sound, || {
            format!("positions {first} and {count} from there (expected: ascending, disjoint, {rows} in all)")
        })?;
        positions.extend(first..first + count);
        end = u64::from(first) + u64::from(count);
    }
    require(positions.len() == rows, || format!("{} positions (expected: {rows})", positions.len()))?;
    Ok(positions)
}
