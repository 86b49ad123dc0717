//! Blocks that were damaged and sealed again are refused or read, and never anything else: a million of each kind, or PROPTEST_CASES.

use _native::check::{require_consistent, Asked};
use _native::columns::decode;
use _native::fault::Fault;
use proptest::prelude::*;

const TOKENS: [i32; 8] = [3, 1, 4, 1, 5, 9, 2, 6];

/// The block of the documentation's example, and the golden compact ones.
fn blocks() -> Vec<Vec<u8>> {
    let example = concat!(
        "4c594e42020101011000000002000000000000000000f03f0000803f",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "00000000000000000000000000000000a2647fc91735b3de3b39907861686e9c",
        "01000000020000000100000000000040010000000200000002000000020000000400000007000000090000000f000000",
        "000000bf0000c0bf000080be000020c00000e0bf000000c0000000bf000040bf000060bf0000a0bf0000c0bfab521a92"
    );
    let draws = include_str!("../../../proto/src/test/resources/dev/lyne/wire/compact-draws.hex");
    let top_k = include_str!("../../../proto/src/test/resources/dev/lyne/wire/compact-top-k.hex");
    [example, draws.trim(), top_k.trim()].map(bytes).to_vec()
}

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).expect("hexadecimal")).collect()
}

fn sealed(mut payload: Vec<u8>) -> Vec<u8> {
    let checksum = crc32c::crc32c(&payload);
    payload.extend_from_slice(&checksum.to_le_bytes());
    payload
}

/// Reads a block and checks its rows; whatever comes of it, its columns fit together.
fn read(block: &[u8]) -> Result<(), Fault> {
    let (header, columns) = decode(block)?;
    let entries = *columns.offsets.last().expect("an end") as usize;
    assert_eq!(columns.offsets.len(), header.rows() + 1);
    assert_eq!((columns.ids.len(), columns.logprobs.len()), (entries, entries));
    assert_eq!((columns.log_tail.len(), columns.label_logprob.len()), (header.rows(), header.rows()));
    assert_eq!(columns.tau_log_tail.len(), header.rows() * header.temperatures.len());
    assert!(columns.ids.iter().all(|id| (0..header.vocabulary as i32).contains(id)));
    assert!(columns.offsets.windows(2).all(|pair| pair[0] <= pair[1]));
    assert!(entries <= 8 * block.len(), "{entries} entries of {} bytes", block.len());
    require_consistent(&header, &columns, &Asked { tokens: &TOKENS, chosen: &[], chosen_ends: &[], tail_error: 0.0 })
}

#[test]
fn decode_documented_blocks_are_read() {
    for block in blocks() {
        decode(&block).expect("a sound block");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: std::env::var("PROPTEST_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(1_000_000),
        failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn decode_mutated_block_is_refused_or_read(
        which in 0usize..3,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in prop::option::weighted(0.2, any::<prop::sample::Index>()),
    ) {
        let mut block = blocks().swap_remove(which);
        block.truncate(block.len() - 4);
        for (place, value) in changes {
            let at = 5 + place.index(block.len() - 5);
            block[at] = value;
        }
        if let Some(cut) = cut {
            block.truncate(104 + cut.index(block.len() - 104));
        }
        let _ = read(&sealed(block));
    }

    #[test]
    fn decode_any_columns_are_refused_or_read(which in 0usize..3, columns in prop::collection::vec(any::<u8>(), 0..300)) {
        let mut block = blocks().swap_remove(which);
        block.truncate(124);
        block.extend(columns);
        let _ = read(&sealed(block));
    }

    #[test]
    fn decode_unsealed_bytes_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        prop_assert!(decode(&bytes).is_err());
    }
}
