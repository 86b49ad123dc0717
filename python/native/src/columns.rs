//! The rows of a block as columns, and those of exact and half blocks.

use crate::compact;
use crate::fault::{require, Outcome};
use crate::header::{self, Header, Precision, MAX_DRAWS};

/// Rows, packed: row r has entries `offsets[r]` to `offsets[r + 1]`, in descending order of probability.
#[derive(Debug, Default)]
pub struct Columns {
    pub offsets: Vec<i32>,
    pub ids: Vec<i32>,
    pub logprobs: Vec<f32>,
    pub log_tail: Vec<f32>,
    /// NaN where a row has no label.
    pub label_logprob: Vec<f32>,
    /// Of each row, one of each temperature.
    pub tau_offsets: Vec<f32>,
    /// Of each row, log of the mass that is not kept at each temperature.
    pub tau_log_tail: Vec<f32>,
    /// Empty where nothing was drawn.
    pub draw_counts: Vec<i32>,
    /// Empty where there are none.
    pub logits: Vec<f32>,
    pub log_sum_exp: Vec<f32>,
}

/// A whole block from bytes that nobody vouches for.
pub fn decode(block: &[u8]) -> Outcome<(Header, Columns)> {
    let payload = header::checked(block)?;
    let header = header::read(payload)?;
    let mut fields = Fields { bytes: &payload[header.size..] };
    let columns = match header.precision {
        Precision::Compact => compact::read(&mut fields, &header)?,
        _ => wide(&mut fields, &header)?,
    };
    Ok((header, columns))
}

/// Little-endian columns, one after the other.
pub struct Fields<'a> {
    pub bytes: &'a [u8],
}

impl<'a> Fields<'a> {
    pub fn take(&mut self, size: usize, what: &str) -> Outcome<&'a [u8]> {
        require(size <= self.bytes.len(), || {
            format!("{} bytes left for {what} (expected: at least {size})", self.bytes.len())
        })?;
        let (taken, rest) = self.bytes.split_at(size);
        self.bytes = rest;
        Ok(taken)
    }

    pub fn integers(&mut self, count: usize, what: &str) -> Outcome<impl Iterator<Item = u32> + 'a> {
        let bytes = self.take(4 * count, what)?;
        Ok(bytes.chunks_exact(4).map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]])))
    }

    pub fn singles(&mut self, count: usize, what: &str) -> Outcome<Vec<f32>> {
        let values: Vec<f32> = self.integers(count, what)?.map(f32::from_bits).collect();
        numbers(values, what)
    }

    fn values(&mut self, half: bool, count: usize, what: &str) -> Outcome<Vec<f32>> {
        if !half {
            return self.singles(count, what);
        }
        let bytes = self.take(2 * count, what)?;
        let values = bytes.chunks_exact(2).map(|b| of_half(u16::from_le_bytes([b[0], b[1]]))).collect();
        numbers(values, what)
    }
}

fn numbers(values: Vec<f32>, what: &str) -> Outcome<Vec<f32>> {
    let sound = values.iter().all(|v| !v.is_nan() && *v != f32::INFINITY);
    require(sound, || format!("{what} that is none (expected: a number)"))?;
    Ok(values)
}

/// Refuses infinities among numbers.
pub fn finite(values: Vec<f32>, what: &str) -> Outcome<Vec<f32>> {
    let sound = values.iter().all(|v| v.is_finite());
    require(sound, || format!("{what} that is none (expected: a finite number)"))?;
    Ok(values)
}

fn of_half(half: u16) -> f32 {
    let magnitude = u32::from(half & 0x7fff);
    let value = if magnitude >= 0x7c00 {
        f32::from_bits(0x7f80_0000 | (magnitude & 0x3ff) << 13)
    } else if magnitude >= 0x400 {
        f32::from_bits((magnitude << 13) + 0x3800_0000)
    } else {
        magnitude as f32 * 2f32.powi(-24)
    };
    if half & 0x8000 != 0 {
        -value
    } else {
        value
    }
}

fn wide(fields: &mut Fields, header: &Header) -> Outcome<Columns> {
    let (rows, taus) = (header.rows(), header.temperatures.len());
    let half = header.precision == Precision::Half;
    let least = u32::from(!header.selection.may_be_empty());
    let most = header.selection.most(header.vocabulary);
    let mut offsets = Vec::with_capacity(rows + 1);
    offsets.push(0i32);
    let mut total = 0u64;
    for (row, count) in fields.integers(rows, "counts")?.enumerate() {
        require((least..=most).contains(&count), || {
            format!("row {row} keeps {count} entries (expected: {least}..{most})")
        })?;
        total += u64::from(count);
        require(total <= i32::MAX as u64, || format!("{total} entries (expected: fewer)"))?;
        offsets.push(total as i32);
    }
    let entries = total as usize;
    let ids: Vec<i32> = if half && header.vocabulary <= 1 << 16 {
        let bytes = fields.take(2 * entries, "ids")?;
        bytes.chunks_exact(2).map(|b| i32::from(u16::from_le_bytes([b[0], b[1]]))).collect()
    } else {
        fields.integers(entries, "ids")?.map(|id| id as i32).collect()
    };
    let past = ids.iter().find(|id| **id as u32 >= header.vocabulary);
    require(past.is_none(), || format!("token id {past:?} (expected: 0..{})", header.vocabulary - 1))?;
    let logprobs = fields.values(half, entries, "log-probability")?;
    let drawn = if header.selection.is_drawn() { entries } else { 0 };
    let draw_counts: Vec<i32> = fields.integers(drawn, "draw counts")?.map(|count| count as i32).collect();
    let sound = draw_counts.iter().all(|count| (0..=MAX_DRAWS as i32).contains(count));
    require(sound, || format!("a draw count (expected: 0..{MAX_DRAWS})"))?;
    let log_tail = fields.values(half, rows, "log tail mass")?;
    let mut label_logprob = fields.values(half, header.label_rows, "label's log-probability")?;
    label_logprob.resize(rows, f32::NAN);
    let tau_offsets = finite(fields.singles(rows * taus, "temperature offset")?, "temperature offset")?;
    let tau_log_tail = fields.values(half, rows * taus, "log tail mass at a temperature")?;
    let raw = header.raw_logits;
    let logits = finite(fields.values(half, if raw { entries } else { 0 }, "logit")?, "logit")?;
    let log_sum_exp = finite(fields.singles(if raw { rows } else { 0 }, "log-sum-exp")?, "log-sum-exp")?;
    require(fields.bytes.is_empty(), || {
        format!("{} bytes after the last column (expected: 0)", fields.bytes.len())
    })?;
    Ok(Columns {
        offsets,
        ids,
        logprobs,
        log_tail,
        label_logprob,
        tau_offsets,
        tau_log_tail,
        draw_counts,
        logits,
        log_sum_exp,
    })
}
