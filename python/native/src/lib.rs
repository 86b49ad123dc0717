//! Reads target blocks (docs/wire-format.md), checks their rows, and hands them to numpy without a copy.

mod bits;
pub mod check;
pub mod columns;
mod compact;
pub mod fault;
pub mod header;
#[cfg(feature = "python")]
mod python;
