//! The alignment check of rows: one that was shifted, swapped or altered contradicts the label it comes with, what was asked, or itself.

use std::cell::RefCell;

use crate::columns::Columns;
use crate::fault::{Fault, Outcome};
use crate::header::{Header, Precision, Selection};

/// Rounding allowed between masses that the teacher summed in float32 and their sums in float64 here.
const MASS: f64 = 1e-4;

/// How far the numbers of a sound row may stand apart: a part of each, nats of an entry, nats of a tail.
struct Tolerance {
    part: f64,
    entry: f64,
    tail: f64,
}

impl Tolerance {
    fn of(precision: Precision) -> Tolerance {
        let (part, entry, tail) = match precision {
            Precision::Exact => (0.0, 0.0, 0.0),
            Precision::Half => (1.0 / 2048.0, 0.0, 0.0),
            Precision::Compact => (0.0, 0.1, 0.05),
        };
        Tolerance { part, entry, tail }
    }
}

thread_local! {
    /// By token id the last row that had it, and the number of that row.
    static MARKS: RefCell<(Vec<u32>, u32)> = const { RefCell::new((Vec::new(), 0)) };
}

/// What the rows were asked for.
pub struct Asked<'a> {
    /// The whole sequence.
    pub tokens: &'a [i32],
    /// Ids chosen for the rows, one after the other, and where each row's end; empty where the student chose none.
    pub chosen: &'a [i32],
    pub chosen_ends: &'a [usize],
    /// Absolute error of a row's tail mass, as the teacher states it.
    pub tail_error: f64,
}

/// Refuses the first row that is no part of a distribution, does not keep what its selection says, or contradicts its label.
pub fn require_consistent(header: &Header, columns: &Columns, asked: &Asked) -> Outcome<()> {
    let tolerance = Tolerance::of(header.precision);
    MARKS.with_borrow_mut(|(marks, last)| {
        if marks.len() < header.vocabulary as usize {
            marks.resize(header.vocabulary as usize, 0);
        }
        for number in 0..header.rows() {
            if *last == u32::MAX {
                marks.fill(0);
                *last = 0;
            }
            *last += 1;
            let row = Row::of(header, columns, number);
            row.require_distinct_descending(marks, *last)?;
            row.require_kept(asked, marks, *last)?;
            row.require_mass(&tolerance, asked.tail_error)?;
            row.require_label(asked, marks, *last, &tolerance)?;
            row.require_tempered(&tolerance)?;
            if header.raw_logits {
                row.require_logits(&tolerance)?;
            }
        }
        Ok(())
    })
}

struct Row<'a> {
    header: &'a Header,
    columns: &'a Columns,
    number: usize,
    ids: &'a [i32],
    logprobs: &'a [f32],
    draws: &'a [i32],
    log_tail: f64,
}

impl<'a> Row<'a> {
    fn of(header: &'a Header, columns: &'a Columns, number: usize) -> Row<'a> {
        let at = columns.offsets[number] as usize..columns.offsets[number + 1] as usize;
        let draws = if header.selection.is_drawn() { &columns.draw_counts[at.clone()] } else { &[] };
        Row {
            header,
            columns,
            number,
            ids: &columns.ids[at.clone()],
            logprobs: &columns.logprobs[at],
            draws,
            log_tail: f64::from(columns.log_tail[number]),
        }
    }

    fn misaligned<T>(&self, found: String, expected: impl Into<String>) -> Outcome<T> {
        Err(Fault::Misaligned { row: self.number, found, expected: expected.into() })
    }

    fn require_distinct_descending(&self, marks: &mut [u32], mark: u32) -> Outcome<()> {
        let mut above = MASS as f32;
        for (&id, &logprob) in self.ids.iter().zip(self.logprobs) {
            if !(logprob <= above) || logprob.is_infinite() {
                return self.misaligned(
                    format!("log-probability {logprob} of token {id}"),
                    "finite, at most 0 and the one before it",
                );
            }
            if marks[id as usize] == mark {
                return self.misaligned(format!("token {id} twice"), "distinct tokens");
            }
            marks[id as usize] = mark;
            above = logprob;
        }
        Ok(())
    }

    fn require_kept(&self, asked: &Asked, marks: &[u32], mark: u32) -> Outcome<()> {
        let most = self.header.selection.most(self.header.vocabulary) as usize;
        let count = self.ids.len();
        match self.header.selection {
            Selection::Chosen(_) => self.require_chosen(asked, marks, mark),
            Selection::Draws { draws, head } => self.require_drawn(i64::from(draws), i64::from(head)),
            Selection::TopPK { .. } if !(1..=most).contains(&count) => {
                self.misaligned(format!("{count} entries"), format!("1..{most}"))
            }
            Selection::TopPK { .. } => Ok(()),
            _ if count != most => self.misaligned(format!("{count} entries"), format!("{most}")),
            _ => Ok(()),
        }
    }

    fn require_chosen(&self, asked: &Asked, marks: &[u32], mark: u32) -> Outcome<()> {
        let Some(&end) = asked.chosen_ends.get(self.number) else {
            return self.misaligned("rows of chosen ids".into(), "the ids that each row was asked for");
        };
        let from = if self.number == 0 { 0 } else { asked.chosen_ends[self.number - 1] };
        let Some(wanted) = asked.chosen.get(from..end) else {
            return self.misaligned("rows of chosen ids".into(), "the ids that each row was asked for");
        };
        if let Some(id) = wanted.iter().find(|id| marks.get(**id as usize) != Some(&mark)) {
            return self.misaligned(format!("token {id} not kept"), "every token that was chosen");
        }
        if self.ids.len() != wanted.len() {
            let expected = format!("{}, as many as were chosen", wanted.len());
            return self.misaligned(format!("{} entries", self.ids.len()), expected);
        }
        Ok(())
    }

    fn require_drawn(&self, wanted: i64, head: i64) -> Outcome<()> {
        let exact = self.draws.iter().filter(|count| **count == 0).count() as i64;
        let draws: i64 = self.draws.iter().map(|count| i64::from(*count)).sum();
        if exact != head {
            return self.misaligned(format!("{exact} entries that were not drawn"), format!("{head}, the exact head"));
        }
        let nothing = head > 0 && draws == 0 && self.log_tail == f64::NEG_INFINITY;
        if draws != wanted && !nothing {
            return self.misaligned(format!("{draws} draws"), format!("{wanted}"));
        }
        Ok(())
    }

    fn require_mass(&self, tolerance: &Tolerance, tail_error: f64) -> Outcome<()> {
        let tail = self.log_tail.exp();
        let mut kept = 0.0;
        let mut nats = if tail > 0.0 { -tail * self.log_tail } else { 0.0 };
        for &logprob in self.logprobs {
            let mass = exp(f64::from(logprob));
            kept += mass;
            nats -= mass * f64::from(logprob);
        }
        let allowed = MASS + tolerance.part * nats + tail_error;
        if (kept + tail - 1.0).abs() <= allowed {
            return Ok(());
        }
        self.misaligned(format!("kept and tail mass {} in all", kept + tail), format!("1, within {allowed}"))
    }

    fn require_label(&self, asked: &Asked, marks: &[u32], mark: u32, tolerance: &Tolerance) -> Outcome<()> {
        let label = self.columns.label_logprob[self.number];
        let token = asked.tokens.get(self.header.positions[self.number] as usize + 1);
        if token.is_some() != label.is_finite() {
            return self.misaligned(
                format!("label's log-probability {label}"),
                "finite, and none past the last token",
            );
        }
        let Some(&token) = token else { return Ok(()) };
        if marks.get(token as usize) == Some(&mark) {
            for (&id, &logprob) in self.ids.iter().zip(self.logprobs) {
                if id == token && logprob.to_bits() != label.to_bits() {
                    return self.misaligned(
                        format!("entry {logprob} of token {id}, the label"),
                        "the label's log-probability, bit for bit",
                    );
                }
            }
            return Ok(());
        }
        if label > self.smallest_of_the_prefix() {
            return self.misaligned(
                format!("log-probability {label} of a label that is not kept"),
                "at most the smallest kept",
            );
        }
        let label64 = f64::from(label);
        let within = if self.log_tail.is_finite() {
            let nats = MASS + tolerance.entry + tolerance.tail + tolerance.part * (label64.abs() + self.log_tail.abs());
            (label64 - nats).exp() <= self.log_tail.exp() + 0.01 * MASS + asked.tail_error
        } else {
            tolerance.part > 0.0 // what half precision rounds to a tail of nothing
        };
        if within {
            return Ok(());
        }
        self.misaligned(
            format!("log-probability {label} of a label that is not kept"),
            "at most the log tail mass",
        )
    }

    /// What a label left out cannot exceed: the least probable of the most probable ones that a row keeps.
    fn smallest_of_the_prefix(&self) -> f32 {
        match self.header.selection {
            Selection::Chosen(_) => f32::INFINITY,
            Selection::Draws { .. } => {
                let exact = self.draws.iter().zip(self.logprobs).filter(|(count, _)| **count == 0);
                exact.map(|(_, logprob)| *logprob).fold(f32::INFINITY, f32::min)
            }
            _ => self.logprobs.last().copied().unwrap_or(f32::INFINITY),
        }
    }

    /// exp(lp/τ + c_τ) over the kept tokens and the tail at τ are a whole distribution.
    fn require_tempered(&self, tolerance: &Tolerance) -> Outcome<()> {
        let keeps_most_probable = match self.header.selection {
            Selection::Draws { head, .. } => head > 0,
            Selection::Chosen(_) | Selection::LabelOnly => false,
            _ => true,
        };
        let top = keeps_most_probable && !self.ids.is_empty();
        let taus = self.header.temperatures.len();
        for (at, &temperature) in self.header.temperatures.iter().enumerate() {
            let tau = f64::from(temperature);
            let offset = f64::from(self.columns.tau_offsets[self.number * taus + at]);
            let log_tail = f64::from(self.columns.tau_log_tail[self.number * taus + at]);
            let tail = log_tail.exp();
            let (mut mass, mut nats) = (0.0, if tail > 0.0 { -tail * log_tail * tau } else { 0.0 });
            for &logprob in self.logprobs {
                let share = (f64::from(logprob) / tau + offset).exp();
                mass += share;
                nats -= share * f64::from(logprob);
            }
            let allowed =
                MASS * (1.0 / tau).max(1.0) + tolerance.entry.exp_m1() * (mass + tail) + tolerance.part * nats / tau;
            // The most probable token keeps some mass however cold the temperature.
            if !((mass + tail - 1.0).abs() <= allowed) || (top && !(mass > 0.0)) {
                let found = mass + tail;
                return self.misaligned(
                    format!("a c_τ at temperature {temperature:?} that gives the kept tokens and the tail mass {found}"),
                    "1, within the precision, and some of it kept",
                );
            }
        }
        Ok(())
    }

    /// A logit less the log-sum-exp is the log-probability.
    fn require_logits(&self, tolerance: &Tolerance) -> Outcome<()> {
        let sum = f64::from(self.columns.log_sum_exp[self.number]);
        let from = self.columns.offsets[self.number] as usize;
        for (i, &logprob) in self.logprobs.iter().enumerate() {
            let (logit, logprob) = (f64::from(self.columns.logits[from + i]), f64::from(logprob));
            let allowed = MASS
                + 2f64.powi(-20) * (logit.abs() + sum.abs())
                + tolerance.part * (logit.abs() + logprob.abs());
            if !((logit - sum - logprob).abs() <= allowed) {
                return self.misaligned(
                    format!("a logit of token {}", self.ids[i]),
                    format!("the log-sum-exp and {logprob}, its log-probability"),
                );
            }
        }
        Ok(())
    }
}

/// e^x within a relative 3e-7, several times as fast as the library's, for the one sum that every entry pays for.
fn exp(x: f64) -> f64 {
    const STEPS: usize = 64;
    static POWERS: std::sync::OnceLock<[f64; STEPS]> = std::sync::OnceLock::new();
    if !(x > -700.0) {
        return 0.0;
    }
    let powers = POWERS.get_or_init(|| std::array::from_fn(|i| (i as f64 / STEPS as f64).exp2()));
    let steps = x * (STEPS as f64 / std::f64::consts::LN_2);
    let whole = steps as i64;
    let rest = (steps - whole as f64) * (std::f64::consts::LN_2 / STEPS as f64);
    let scale = f64::from_bits((((whole >> 6) + 1023) as u64) << 52);
    scale * powers[whole as usize & (STEPS - 1)] * (1.0 + rest * (1.0 + 0.5 * rest))
}
