//! The streams of a compact block. What is allocated is bounded by the rows, which the header bounds, and the streams: an entry takes
//! a bit of each, and their number is known to be possible before arrays of that size are made.

use crate::bits::{word_at, Bits, Code, SPARE_BYTES};
use crate::columns::{finite, Columns, Fields};
use crate::fault::{malformed, require, Outcome};
use crate::header::{Header, MAX_DRAWS};

const COUNT: usize = 0;
const FLOOR: usize = 1;
const TAIL: usize = 2;
const LABEL: usize = 3;
const DRAWS: usize = 4;
const HEIGHT: usize = 5;
const TEMPERED: usize = 6;
const MAX_REFINEMENT: u32 = 3;
const MAX_ORDER: u32 = 20;
const MAX_DEPTH: i32 = (1 << 20) - 1;
const ESCAPE: u32 = 24;
/// Heights below this are counted, the few above sorted.
const LOW: usize = 64;
const FEW_TALL: usize = 48;
/// Levels of a grid's straight part that stand in its table.
const STRAIGHT_LEVELS: i64 = 128;

/// The levels that log-probabilities are rounded to.
struct Grid {
    fineness: f64,
    step: f64,
    knee: f64,
    top: i64,
    /// Value and mass of the first levels.
    levels: Vec<(f32, f32)>,
}

impl Grid {
    fn new(fineness: f32, step: f32, table: bool) -> Grid {
        let (fineness, step) = (f64::from(fineness), f64::from(step));
        let mut grid = Grid {
            fineness,
            step,
            knee: 2.0 * (fineness / step).ln(),
            top: (2.0 / fineness).ceil() as i64,
            levels: Vec::new(),
        };
        if table {
            let curved = (grid.top - (2.0 / step).floor() as i64).max(0);
            grid.levels = (0..(curved + STRAIGHT_LEVELS) as i32)
                .map(|depth| {
                    let value = grid.compute(depth);
                    let root = grid.root(depth);
                    let mass = if value > grid.knee { root * root } else { value.exp() };
                    (value as f32, mass as f32)
                })
                .collect();
        }
        grid
    }

    fn root(&self, depth: i32) -> f64 {
        (self.top - i64::from(depth)) as f64 * self.fineness / 2.0
    }

    fn compute(&self, depth: i32) -> f64 {
        let level = (self.top - i64::from(depth)) as f64;
        if level * self.step >= 2.0 {
            2.0 * (level * self.fineness / 2.0).ln()
        } else {
            self.knee + level * self.step - 2.0
        }
    }

    #[inline(always)]
    fn value(&self, depth: i32) -> f32 {
        match self.levels.get(depth as usize) {
            Some(level) => level.0,
            None => self.compute(depth) as f32,
        }
    }

    /// Log of a tail's mass; −1 stands for none.
    fn tail(&self, depth: i32) -> f32 {
        if depth >= 0 {
            self.value(depth)
        } else {
            f32::NEG_INFINITY
        }
    }

    #[inline(always)]
    fn mass(&self, depth: i32) -> f32 {
        match self.levels.get(depth as usize) {
            Some(level) => level.1,
            None if (self.top - i64::from(depth)) as f64 * self.step >= 2.0 => self.root(depth).powi(2) as f32,
            None => self.compute(depth).exp() as f32,
        }
    }
}

/// Of a row: depths of its floor, tail and label; −1 for none.
#[derive(Clone, Copy)]
struct Scalars {
    floor: i32,
    tail: i32,
    label: i32,
}

/// An entry: its height above all, then its id, then its draw count.
type Entry = u64;

fn entry(id: u32, height: u32) -> Entry {
    u64::from(height) << 40 | u64::from(id) << 20
}

fn height(entry: Entry) -> u32 {
    (entry >> 40) as u32
}

fn id(entry: Entry) -> i32 {
    (entry >> 20) as i32 & 0xf_ffff
}

fn draws(entry: Entry) -> i32 {
    entry as i32 & 0xf_ffff
}

/// The columns of a compact block.
pub fn read(fields: &mut Fields, header: &Header) -> Outcome<Columns> {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("bmi1")
        && is_x86_feature_detected!("bmi2")
        && is_x86_feature_detected!("lzcnt")
    {
        // SAFETY: the processor has the instructions.
        return unsafe { read_by_bit_instructions(fields, header) };
    }
    read_columns(fields, header)
}

/// The same, compiled with the instructions that shift by any register and count zeros: a quarter faster, the same bits.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "bmi1,bmi2,lzcnt")]
unsafe fn read_by_bit_instructions(fields: &mut Fields, header: &Header) -> Outcome<Columns> {
    read_columns(fields, header)
}

#[inline(always)]
fn read_columns(fields: &mut Fields, header: &Header) -> Outcome<Columns> {
    let rows = header.rows();
    let most = header.selection.most(header.vocabulary);
    let grid = fields.singles(2, "the grid")?;
    let (fineness, step) = (grid[0], grid[1]);
    require((2f32.powi(-16)..=1.0).contains(&fineness), || format!("fineness {fineness} (expected: 2^-16..1)"))?;
    require((2f32.powi(-12)..=0.2).contains(&step), || format!("largest step {step} (expected: 2^-12..0.2)"))?;
    let uniform = fields.integers(1, "entries of every row")?.next().unwrap_or(0);
    require(uniform <= most, || format!("{uniform} entries of every row (expected: 0..{most})"))?;
    let refinement = fields.integers(1, "refinement of tails")?.next().unwrap_or(0);
    require(refinement <= MAX_REFINEMENT, || {
        format!("refinement of tails {refinement} (expected: 0..{MAX_REFINEMENT})")
    })?;
    let what = "temperature offset";
    let tau_offsets = finite(fields.singles(rows * header.temperatures.len(), what)?, what)?;
    let mut lengths = fields.integers(2, "lengths of the first and the third stream")?;
    let (length, cuts) = (lengths.next().unwrap_or(0) as usize, lengths.next().unwrap_or(0) as usize);
    let streams = fields.bytes;
    require(length <= streams.len(), || {
        format!("{length} bytes of the first stream (expected: 0..{})", streams.len())
    })?;
    require(cuts <= streams.len() - length, || {
        format!("{cuts} bytes of the third stream (expected: 0..{})", streams.len() - length)
    })?;
    let prefix = header.selection.is_prefix();
    require(prefix || cuts == 0, || {
        format!("{cuts} bytes of the third stream (expected: none where rows cannot be cut)")
    })?;
    let both = streams.len() - cuts;
    let mut bytes = Vec::with_capacity(streams.len() + SPARE_BYTES);
    bytes.extend_from_slice(streams);
    bytes.resize(streams.len() + SPARE_BYTES, 0);
    let mut first = Bits::new(&bytes, 0, length);
    let mut second = Bits::new(&bytes, length, both);
    let mut third = prefix.then(|| Bits::new(&bytes, both, streams.len()));
    let mut codes = Vec::with_capacity(TEMPERED + 1);
    for _ in 0..=TEMPERED {
        codes.push(Code::read(&mut second)?);
    }
    let possible = 8 * length.min(both - length) as u64;
    let (offsets, scalars, tempered) = read_rows(&mut second, &codes, header, uniform, possible)?;
    let entries = read_entries(&mut first, &mut second, &codes, &offsets, header)?;
    let grid = Grid::new(fineness, step, true);
    let halved = (1u32 << refinement) as f32;
    let tails = Grid::new(fineness / (2.0 * halved), step / (4.0 * halved), false);
    let at_tau = Grid::new(2f32.powi(-7) / halved, 0.046875 / halved, false);
    let levels = Levels { grid: &grid, tails: &tails, offsets: &offsets, scalars: &scalars, entries: &entries };
    let mut columns = values(&levels, header.selection.is_drawn(), third.as_mut())?;
    columns.tau_log_tail = tempered.into_iter().map(|depth| at_tau.tail(depth)).collect();
    columns.offsets = offsets;
    columns.tau_offsets = tau_offsets;
    Ok(columns)
}

#[inline(always)]
fn read_rows(
    second: &mut Bits,
    codes: &[Code],
    header: &Header,
    uniform: u32,
    possible: u64,
) -> Outcome<(Vec<i32>, Vec<Scalars>, Vec<i32>)> {
    let rows = header.rows();
    let most = header.selection.most(header.vocabulary);
    let mut offsets = Vec::with_capacity(rows + 1);
    offsets.push(0i32);
    let mut scalars = Vec::with_capacity(rows);
    let mut tempered = Vec::with_capacity(rows * header.temperatures.len());
    let (mut floor, mut total) = (0i32, 0u64);
    for row in 0..rows {
        let count = if uniform == 0 { codes[COUNT].number(second)? } else { uniform };
        require(count <= most, || format!("row {row} keeps {count} entries (expected: 0..{most})"))?;
        let tail = codes[TAIL].number(second)? as i32 - 1;
        let label = if row < header.label_rows { codes[LABEL].number(second)? as i32 } else { -1 };
        for _ in &header.temperatures {
            let depth = codes[TEMPERED].number(second)? as i32 - 1;
            require_depth(row, depth)?;
            tempered.push(depth);
        }
        if count > 0 {
            let zigzag = codes[FLOOR].number(second)? as i32;
            floor += (zigzag >> 1) ^ -(zigzag & 1);
        }
        for depth in [floor, tail, label] {
            require_depth(row, depth)?;
        }
        scalars.push(Scalars { floor, tail, label });
        total += u64::from(count);
        require(total <= possible, || {
            format!("{total} entries (expected: at most {possible}, a bit of each stream for each)")
        })?;
        offsets.push(total as i32);
    }
    Ok((offsets, scalars, tempered))
}

fn require_depth(row: usize, depth: i32) -> Outcome<()> {
    require((-1..=MAX_DEPTH).contains(&depth), || {
        format!("row {row}: depth {depth} (expected: 0..{MAX_DEPTH})")
    })
}

/// Row after row its entries, in ascending order of id.
#[inline(always)]
fn read_entries(
    first: &mut Bits,
    second: &mut Bits,
    codes: &[Code],
    offsets: &[i32],
    header: &Header,
) -> Outcome<Vec<Entry>> {
    let rows = header.rows();
    let total = offsets[rows] as usize;
    let drawn = header.selection.is_drawn();
    let mut entries = vec![0 as Entry; total];
    let mut places = Vec::with_capacity(if drawn { total } else { 0 });
    let mut next: Vec<usize> = offsets[..rows].iter().map(|offset| *offset as usize).collect();
    let order = first.bits(5)?;
    require(order <= MAX_ORDER, || format!("gaps of order {order} (expected: 0..{MAX_ORDER})"))?;
    let heights = &codes[HEIGHT];
    let bytes = first.bytes();
    // Places in the streams are numbers of their own here, so that they stay in registers.
    let (mut at, mut height_at) = (first.at, second.at);
    let (mut read, mut token) = (0usize, -1i64);
    let mut widths = RiceWidths::of(rows);
    while read < total {
        let word = word_at(bytes, at)?;
        let zeros = word.trailing_zeros();
        let rest = zeros + order;
        if rest > MAX_ORDER {
            return refused(format_args!("a gap between ids of {} bits (expected: at most {MAX_ORDER})", { rest }));
        }
        at += (zeros + 1 + rest) as usize;
        token += 1 + i64::from(((word >> (zeros + 1)) as u32 & ((1 << rest) - 1) | 1 << rest) - (1 << order));
        if token >= i64::from(header.vocabulary) {
            return refused(format_args!("token id {} (expected: 0..{})", { token }, header.vocabulary - 1));
        }
        let word = word_at(bytes, at)?;
        let zeros = word.trailing_zeros().min(MAX_ORDER);
        at += (2 * zeros + 1) as usize;
        let count = ((word >> (zeros + 1)) as u32 & ((1 << zeros) - 1) | 1 << zeros) as usize;
        let limit = rows.min(total - read);
        if count > limit {
            return refused(format_args!("token id {} in {} rows (expected: 1..{})", { token }, { count }, { limit }));
        }
        let rice = widths.of_count(count);
        let of_token = entry(token as u32, 0);
        let mut row = -1i64;
        for _ in 0..count {
            let word = word_at(bytes, at)?;
            let zeros = word.trailing_zeros();
            if zeros < ESCAPE {
                row += 1 + i64::from((zeros << rice) + ((word >> (zeros + 1)) as u32 & ((1 << rice) - 1)));
                at += (zeros + 1 + rice) as usize;
            } else {
                row += 1 + i64::from((word >> ESCAPE) as u32 & 0xffff);
                at += ESCAPE as usize + 16;
            }
            let Some(place) = next.get_mut(row as usize) else {
                return refused(format_args!("row {} (expected: 0..{})", { row }, rows - 1));
            };
            let Some(slot) = entries.get_mut(*place) else {
                return refused(format_args!("row {} has more entries than stated", { row }));
            };
            let (height, bits) = heights.number_of(word_at(bytes, height_at)?)?;
            height_at += bits;
            *slot = of_token | entry(0, height);
            if drawn {
                places.push(*place);
            }
            *place += 1;
        }
        read += count;
    }
    (first.at, second.at) = (at, height_at);
    for row in 0..rows {
        let (end, from) = (next[row], offsets[row] as usize);
        require(end == offsets[row + 1] as usize, || {
            let stated = offsets[row + 1] as usize - from;
            format!("row {row} has {} entries (expected: {stated} as stated)", end - from)
        })?;
    }
    for place in places {
        let count = codes[DRAWS].number(second)?;
        require(count <= MAX_DRAWS, || format!("{count} draws of a token (expected: 0..{MAX_DRAWS})"))?;
        entries[place] |= u64::from(count);
    }
    first.finish()?;
    second.finish()?;
    Ok(entries)
}

/// A refusal, made where it costs the other case nothing.
#[cold]
#[inline(never)]
fn refused<T>(message: std::fmt::Arguments) -> Outcome<T> {
    malformed(message.to_string())
}

/// Bits of a gap between a token's rows, by how many rows it is in: the division is made once for each number.
struct RiceWidths {
    rows: u64,
    known: Vec<u8>,
}

impl RiceWidths {
    const UNKNOWN: u8 = u8::MAX;

    fn of(rows: usize) -> RiceWidths {
        RiceWidths { rows: rows as u64, known: vec![Self::UNKNOWN; rows + 1] }
    }

    #[inline(always)]
    fn of_count(&mut self, count: usize) -> u32 {
        let width = &mut self.known[count];
        if *width == Self::UNKNOWN {
            *width = (13 * self.rows / (16 * count as u64)).checked_ilog2().unwrap_or(0) as u8;
        }
        u32::from(*width)
    }
}

/// Rows as levels of their grids.
struct Levels<'a> {
    grid: &'a Grid,
    tails: &'a Grid,
    offsets: &'a [i32],
    scalars: &'a [Scalars],
    entries: &'a [Entry],
}

/// Puts each row's entries into descending order of height, and shifts each row so that its masses sum to one.
#[inline(always)]
fn values(levels: &Levels, drawn: bool, mut third: Option<&mut Bits>) -> Outcome<Columns> {
    let Levels { grid, tails, offsets, scalars, entries } = *levels;
    let rows = scalars.len();
    let mut columns = Columns {
        ids: vec![0; entries.len()],
        logprobs: vec![0.0; entries.len()],
        log_tail: Vec::with_capacity(rows),
        label_logprob: Vec::with_capacity(rows),
        draw_counts: vec![0; if drawn { entries.len() } else { 0 }],
        ..Columns::default()
    };
    let mut sorted: Vec<Entry> = Vec::new();
    for (row, scalar) in scalars.iter().enumerate() {
        let (from, to) = (offsets[row] as usize, offsets[row + 1] as usize);
        let tail_mass = if scalar.tail >= 0 { f64::from(tails.mass(scalar.tail)) } else { 0.0 };
        let counts = sort(&entries[from..to], &mut sorted);
        let highest = sorted.first().map_or(0, |top| height(*top)) as i32;
        require(highest <= scalar.floor || from == to, || "a row that rises above the grid".into())?;
        if let Some(cuts) = third.as_deref_mut() {
            put_first(cuts, &mut sorted)?;
        }
        let mass = f64::from(kept_mass(grid, scalar.floor, &sorted, &counts)) + tail_mass;
        require(mass > 0.0, || "a row without mass".into())?;
        let shift = mass.ln() as f32;
        for (i, found) in sorted.iter().enumerate() {
            columns.ids[from + i] = id(*found);
            columns.logprobs[from + i] = grid.value(scalar.floor - height(*found) as i32) - shift;
            if drawn {
                columns.draw_counts[from + i] = draws(*found);
            }
        }
        columns.log_tail.push(tails.tail(scalar.tail) - shift);
        let label = if scalar.label >= 0 { grid.value(scalar.label) - shift } else { f32::NAN };
        columns.label_logprob.push(label);
    }
    if let Some(cuts) = third {
        cuts.require_within()?;
    }
    Ok(columns)
}

/// Puts the most probable entry of a row in front, where others share its height.
#[inline(always)]
fn put_first(third: &mut Bits, sorted: &mut [Entry]) -> Outcome<()> {
    let Some(top) = sorted.first().map(|found| height(*found)) else { return Ok(()) };
    let alike = sorted.iter().take_while(|found| height(**found) == top).count();
    if alike > 1 {
        let first = third.first_of(alike)?;
        sorted[..=first].rotate_right(1);
    }
    Ok(())
}

/// Entries in descending order of height, those of equal height as they came, in ascending order of id. Gives how many have each low height.
#[inline(always)]
fn sort(entries: &[Entry], sorted: &mut Vec<Entry>) -> [u32; LOW + 1] {
    sorted.clear();
    sorted.resize(entries.len(), 0);
    let mut counts = [0u32; LOW + 1];
    for found in entries {
        counts[(height(*found) as usize).min(LOW)] += 1;
    }
    let mut next = [0u32; LOW + 1];
    let mut place = 0;
    for bucket in (0..=LOW).rev() {
        next[bucket] = place;
        place += counts[bucket];
    }
    for found in entries {
        let bucket = (height(*found) as usize).min(LOW);
        sorted[next[bucket] as usize] = *found;
        next[bucket] += 1;
    }
    let tall = counts[LOW] as usize;
    if tall > 1 {
        sorted[..tall].sort_by_key(|found| std::cmp::Reverse(height(*found)));
    }
    counts
}

/// The mass of a row's entries, highest first, summed in single precision in the order of the Java decoder, so that all decoders give the
/// same bits: entries of equal low height at once, others one by one.
#[inline(always)]
fn kept_mass(grid: &Grid, floor: i32, sorted: &[Entry], counts: &[u32; LOW + 1]) -> f32 {
    let tall = counts[LOW] as usize;
    let one_by_one = floor as usize >= grid.levels.len() || tall > FEW_TALL;
    let alone = if one_by_one { sorted.len() } else { tall };
    let mut mass = 0f32;
    for found in &sorted[..alone] {
        mass += grid.mass(floor - height(*found) as i32);
    }
    if !one_by_one {
        // What no entry has adds nothing.
        for own in (0..LOW.min(floor as usize + 1)).rev() {
            mass += counts[own] as f32 * grid.levels[floor as usize - own].1;
        }
    }
    mass
}
