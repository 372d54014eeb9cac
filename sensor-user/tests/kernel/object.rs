//! The compiled object itself: what it must not call, and what it costs the verifier.

use object::{Object as _, ObjectSection as _, ObjectSymbol as _, RelocationTarget, SymbolKind};
use sensor_common::{ToolSet, Transport, Verdict, names};
use teiten::kernel::{Object, Sampling, samples::Limit, trial::EntryPoint};

use crate::bench::Bench;

/// Instructions that the verifier may go through: it gives up at a million, and older kernels go through more.
const VERIFIER_BUDGET: u32 = 200_000;

/// A struct assignment may become a call of a byte-wise `memcpy` or `memset`: 14 to 53 ns a packet.
pub fn no_memory_calls() {
    let object = Object::embedded();
    let file = object::File::parse(object.bytes()).unwrap();
    let memory_functions: Vec<_> = file
        .symbols()
        .filter(|symbol| {
            symbol.kind() == SymbolKind::Text && symbol.name().is_ok_and(|name| name.starts_with("mem"))
        })
        .map(|symbol| (symbol.section_index(), symbol.address(), symbol.index()))
        .collect();
    assert!(
        !memory_functions.is_empty(),
        "the object has no memory functions to look for"
    );
    let mut calls = 0;
    for section in file.sections() {
        for (offset, relocation) in section.relocations() {
            let RelocationTarget::Symbol(index) = relocation.target() else {
                continue;
            };
            let symbol = file.symbol_by_index(index).unwrap();
            // A call into a section is relative: the immediate of the instruction counts from the section's start.
            let data = section.data().unwrap();
            let at = usize::try_from(offset).unwrap();
            let is_call = data[at] == 0x85 && data[at + 1] >> 4 == 1;
            if !is_call {
                continue;
            }
            calls += 1;
            let immediate = i32::from_le_bytes(data[at + 4..at + 8].try_into().unwrap());
            let target = symbol
                .address()
                .wrapping_add_signed((i64::from(immediate) + 1) * 8);
            assert!(
                !memory_functions.iter().any(|(section, address, function)| {
                    *function == index || (*section == symbol.section_index() && *address == target)
                }),
                "section {} calls a memory function at {offset:#x}",
                section.name().unwrap()
            );
        }
    }
    assert!(calls > 0, "no call was found at all: this test sees nothing");
}

pub fn verifier_budget() {
    stays_within_budget(Bench::new(EntryPoint::Plain, Verdict::Pass));
}

/// Every reason to sample there is, and the longest heads.
pub fn verifier_budget_of_samples() {
    let limit = Limit {
        rate: 1_000,
        burst: 1_000,
    };
    let sampling = Sampling {
        head_bytes: 512,
        ports: vec![(Transport::Udp, 5_060), (Transport::Tcp, 23)],
        tools: ToolSet(u16::MAX),
        one_in: 1,
        each_cpu: limit,
        each_source: limit,
        ring_bytes: 1 << 20,
    };
    let object = Object::embedded();
    stays_within_budget(Bench::sampling(
        &object,
        EntryPoint::Plain,
        Verdict::Drop,
        Some(sampling),
    ));
}

fn stays_within_budget(mut bench: Bench) {
    for name in [names::PROGRAM, names::PROGRAM_FRAGS, names::FLUSH] {
        match bench.sensor.verified_instructions(name).unwrap() {
            Some(count) => {
                eprintln!("{name}: the verifier went through {count} instructions");
                assert!((1..=VERIFIER_BUDGET).contains(&count), "{name}: {count}");
            }
            None => eprintln!("{name}: this kernel does not say"),
        }
    }
}
