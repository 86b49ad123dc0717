//! Bits of bytes, the lowest first, and the prefix codes that they are in.

use crate::fault::{malformed, require, Outcome};

const SYMBOLS: usize = 84;
const MAX_CODE_BITS: u32 = 9;
/// Entries of equal height that have a bit each in any case.
const FEW_ALIKE: usize = 16;
/// Bytes that follow the streams, so that a whole word can be read anywhere in them.
pub const SPARE_BYTES: usize = 8;

/// A stream of bits within bytes that go on for at least a word.
pub struct Bits<'a> {
    bytes: &'a [u8],
    pub at: usize,
    end: usize,
}

impl<'a> Bits<'a> {
    pub fn new(bytes: &'a [u8], from: usize, to: usize) -> Self {
        Bits { bytes, at: 8 * from, end: 8 * to }
    }

    /// What the stream is in.
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// The next 57 bits at least.
    #[inline(always)]
    pub fn peek(&self) -> Outcome<u64> {
        word_at(self.bytes, self.at)
    }

    pub fn bits(&mut self, count: u32) -> Outcome<u32> {
        let value = self.peek()? as u32 & ((1u32 << count) - 1);
        self.at += count as usize;
        Ok(value)
    }

    /// A number in Elias' gamma code, at most 17 bits long.
    fn gamma(&mut self) -> Outcome<u32> {
        let bits = self.peek()?;
        let zeros = (bits | 1 << 17).trailing_zeros();
        require(zeros < 17, || "a gamma code that does not end".into())?;
        self.at += 2 * zeros as usize + 1;
        Ok(((bits >> zeros) as u32).reverse_bits() >> (31 - zeros))
    }

    /// Which of so many entries of equal height, in ascending order of id, comes first.
    pub fn first_of(&mut self, count: usize) -> Outcome<usize> {
        if count > FEW_ALIKE {
            let number = self.bits(usize::BITS - (count - 1).leading_zeros())? as usize;
            require(number < count, || format!("entry {number} of a level (expected: below {count})"))?;
            return Ok(number);
        }
        let zeros = (self.peek()?.trailing_zeros() as usize).min(count - 1);
        self.at += (zeros + 1).min(count - 1);
        Ok(zeros)
    }

    /// Refuses bits that were read after the end.
    pub fn require_within(&self) -> Outcome<()> {
        require(self.at <= self.end, || "a stream of bits ends early".into())
    }

    /// Refuses all but the filling zeros of the last byte after what was read.
    pub fn finish(&self) -> Outcome<()> {
        let left = self.end.wrapping_sub(self.at);
        require(self.at <= self.end && left < 8, || {
            format!("a stream that is read to bit {} (expected: within its last byte, before {})", self.at, self.end)
        })?;
        let rest = self.peek()? & ((1u64 << left) - 1);
        require(rest == 0, || "a last byte that is not filled with zeros".into())
    }
}

/// The 57 bits at least from a bit of the bytes on.
#[inline(always)]
pub fn word_at(bytes: &[u8], bit: usize) -> Outcome<u64> {
    let byte = bit >> 3;
    match bytes.get(byte..byte + 8) {
        Some(word) => Ok(u64::from_le_bytes(word.try_into().expect("eight bytes")) >> (bit & 7)),
        None => malformed("a stream of bits ends early"),
    }
}

/// A canonical prefix code as a table: by the next bits, the symbol's first number, its extra bits, and all its bits.
pub struct Code {
    table: Vec<(u32, u8, u8)>,
    mask: u64,
}

impl Code {
    pub fn read(bits: &mut Bits) -> Outcome<Code> {
        let lengths = lengths(bits)?;
        let mut used: Vec<(u32, usize)> = lengths
            .iter()
            .enumerate()
            .filter(|(_, length)| **length > 0)
            .map(|(symbol, length)| (*length, symbol))
            .collect();
        used.sort_unstable();
        let room: u32 = used.iter().map(|(length, _)| 1 << (MAX_CODE_BITS - length)).sum();
        let single = used.len() == 1 && used[0].0 == 1;
        require(room == 1 << MAX_CODE_BITS || used.is_empty() || single, || "a code that is not complete".into())?;
        let longest = used.last().map_or(0, |(length, _)| *length);
        let mut table = vec![(u32::MAX, 0, 1); 1 << longest];
        let (mut code, mut before) = (0u32, 0);
        for &(length, symbol) in &used {
            code <<= length - before;
            let first = if length == 0 { 0 } else { code.reverse_bits() >> (32 - length) } as usize;
            for place in (first..table.len()).step_by(1 << length) {
                table[place] = entry(symbol as u32, length);
            }
            code += 1;
            before = length;
        }
        if single {
            table[1] = table[0]; // the one bit of a lone symbol says nothing
        }
        Ok(Code { mask: (1 << longest) - 1, table })
    }

    /// The next number.
    #[inline(always)]
    pub fn number(&self, bits: &mut Bits) -> Outcome<u32> {
        let (number, read) = self.number_of(bits.peek()?)?;
        bits.at += read;
        Ok(number)
    }

    /// The number that a word of the stream begins with, and its bits.
    #[inline(always)]
    pub fn number_of(&self, word: u64) -> Outcome<(u32, usize)> {
        let (base, extra, total) = self.table[(word & self.mask) as usize];
        if base == u32::MAX {
            return malformed("bits of no code");
        }
        Ok((base + ((word >> (total - extra)) as u32 & ((1u32 << extra) - 1)), total as usize))
    }
}

fn entry(symbol: u32, length: u32) -> (u32, u8, u8) {
    let extra = if symbol < 16 { 0 } else { (symbol >> 2) - 2 };
    let base = if symbol < 16 { symbol } else { (4 | symbol & 3) << extra };
    (base, extra as u8, (length + extra) as u8)
}

fn lengths(bits: &mut Bits) -> Outcome<Vec<u32>> {
    let used = bits.bits(7)? as usize;
    require(used <= SYMBOLS, || format!("a code of {used} symbols (expected: at most {SYMBOLS})"))?;
    let mut lengths = vec![0u32; used];
    let (mut previous, mut gap) = (4i64, false);
    for length in &mut lengths {
        let gamma = bits.gamma()?;
        if gamma == if gap { 1 } else { 4 } {
            gap = true;
            continue;
        }
        gap = false;
        if gamma != 4 {
            let change = i64::from(if gamma > 4 { gamma - 1 } else { gamma });
            previous += if change % 2 == 0 { change / 2 } else { -(change / 2) };
        }
        require((1..=i64::from(MAX_CODE_BITS)).contains(&previous), || {
            format!("a code of {previous} bits (expected: 1..{MAX_CODE_BITS})")
        })?;
        *length = previous as u32;
    }
    Ok(lengths)
}
