//! Why a block is refused.

/// What is wrong with bytes, or with a row.
#[derive(Debug, Clone, PartialEq)]
pub enum Fault {
    /// Bytes that are no block.
    Malformed(String),
    /// A row that does not answer its position.
    Misaligned {
        row: usize,
        found: String,
        expected: String,
    },
}

pub type Outcome<T> = Result<T, Fault>;

pub fn malformed<T>(message: impl Into<String>) -> Outcome<T> {
    Err(Fault::Malformed(message.into()))
}

/// Refuses bytes that do not hold what they should.
pub fn require(holds: bool, message: impl FnOnce() -> String) -> Outcome<()> {
    if holds {
        Ok(())
    } else {
        Err(Fault::Malformed(message()))
    }
}
