//! The module that Python imports. The GIL is released while a block is read.

use numpy::{IntoPyArray, PyArray1, PyReadonlyArray1};
use pyo3::create_exception;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::check::{require_consistent, Asked};
use crate::columns::{decode as decode_block, Columns};
use crate::fault::Fault;

create_exception!(_native, Malformed, PyValueError, "Bytes that are no block.");
create_exception!(_native, Misaligned, PyValueError, "A row, what was found and what was expected.");

impl From<Fault> for PyErr {
    fn from(fault: Fault) -> PyErr {
        match fault {
            Fault::Malformed(message) => Malformed::new_err(message),
            Fault::Misaligned { row, found, expected } => Misaligned::new_err((row, found, expected)),
        }
    }
}

type Integers<'py> = Bound<'py, PyArray1<i32>>;
type Numbers<'py> = Bound<'py, PyArray1<f32>>;
type Arrays<'py> = (
    Integers<'py>,
    Integers<'py>,
    Numbers<'py>,
    Numbers<'py>,
    Numbers<'py>,
    Numbers<'py>,
    Numbers<'py>,
    Integers<'py>,
    Numbers<'py>,
    Numbers<'py>,
);

fn arrays(py: Python<'_>, columns: Columns) -> Arrays<'_> {
    (
        columns.offsets.into_pyarray(py),
        columns.ids.into_pyarray(py),
        columns.logprobs.into_pyarray(py),
        columns.log_tail.into_pyarray(py),
        columns.label_logprob.into_pyarray(py),
        columns.tau_offsets.into_pyarray(py),
        columns.tau_log_tail.into_pyarray(py),
        columns.draw_counts.into_pyarray(py),
        columns.logits.into_pyarray(py),
        columns.log_sum_exp.into_pyarray(py),
    )
}

/// The columns of a block.
#[pyfunction]
fn decode<'py>(py: Python<'py>, block: &[u8]) -> PyResult<Arrays<'py>> {
    let (_, columns) = py.allow_threads(|| decode_block(block))?;
    Ok(arrays(py, columns))
}

/// The columns of a block whose rows answer a sequence, and the ids chosen for them where they were; the tails' error is the teacher's.
#[pyfunction]
#[pyo3(signature = (block, tokens, chosen=None, chosen_ends=None, tail_error=0.0))]
fn decode_checked<'py>(
    py: Python<'py>,
    block: &[u8],
    tokens: PyReadonlyArray1<'py, i32>,
    chosen: Option<PyReadonlyArray1<'py, i32>>,
    chosen_ends: Option<Vec<usize>>,
    tail_error: f64,
) -> PyResult<Arrays<'py>> {
    let asked = Asked {
        tokens: tokens.as_slice()?,
        chosen: match &chosen {
            Some(ids) => ids.as_slice()?,
            None => &[],
        },
        chosen_ends: chosen_ends.as_deref().unwrap_or(&[]),
        tail_error,
    };
    let columns = py.allow_threads(|| {
        let (header, columns) = decode_block(block)?;
        require_consistent(&header, &columns, &asked)?;
        Ok::<Columns, Fault>(columns)
    })?;
    Ok(arrays(py, columns))
}

/// CRC32C (Castagnoli) of bytes.
#[pyfunction]
#[pyo3(name = "crc32c")]
fn checksum(data: &[u8]) -> u32 {
    crc32c::crc32c(data)
}

#[pymodule]
fn _native(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("Malformed", module.py().get_type::<Malformed>())?;
    module.add("Misaligned", module.py().get_type::<Misaligned>())?;
    module.add("VERSION", crate::header::VERSION)?;
    module.add_function(wrap_pyfunction!(decode, module)?)?;
    module.add_function(wrap_pyfunction!(decode_checked, module)?)?;
    module.add_function(wrap_pyfunction!(checksum, module)?)
}
