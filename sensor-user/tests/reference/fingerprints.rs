//! `docs/fingerprints.md` against the table of rules.

use sensor_common::tool::{Options, PROOF_PROBES, Proof, Rule, Signature, Test, Tool};

use crate::page::{hold_table, table};

const PAGE: &str = "docs/fingerprints.md";

#[test]
fn the_page_of_fingerprints_has_every_rule_as_it_is() {
    let head = [
        "| mark | tool | signs | certainty | source |",
        "| --- | --- | --- | --- | --- |",
    ];
    let rows = Tool::ALL.iter().map(|tool| {
        let rule = tool.rule();
        format!(
            "| `{}` | {} | {} | {} | {} |",
            rule.name,
            rule.tool,
            signs(rule).join("; "),
            certainty(rule),
            rule.source
        )
    });
    hold_table(PAGE, "fingerprints", &table(&head, rows));
}

/// What a rule asks for, in words.
fn signs(rule: &Rule) -> Vec<String> {
    let mut signs = Vec::new();
    if let Some(mut windows) = rule.windows.sizes().map(Vec::from) {
        windows.dedup();
        signs.push(format!("window {}", listed(&windows)));
    }
    match rule.ttl {
        (0, u8::MAX) => {}
        (first, u8::MAX) => signs.push(format!("TTL from {first}")),
        (_, last) => signs.push(format!("TTL up to {last}")),
    }
    if let Some(options) = &rule.options {
        signs.push(in_words(options));
    }
    if let Some(set) = rule.dont_fragment {
        signs.push(format!("DF {}", if set { "set" } else { "not set" }));
    }
    signs.extend(rule.length.map(|bytes| format!("{bytes} octets")));
    if rule.lowest_source_port > 0 {
        signs.push(format!("source port from {}", rule.lowest_source_port));
    }
    signs.extend(rule.ports.map(|ports| format!("to port {}", listed(&ports))));
    match rule.test {
        Test::None => {}
        Test::SequenceIsDestination => signs.push("**sequence number = destination**".to_owned()),
        Test::IdentificationIs(number) => signs.push(format!("**IP identification = {number}**")),
        Test::IdentificationIsXor => signs.push(
            "**IP identification = lower half of (destination ^ destination port ^ sequence number)**"
                .to_owned(),
        ),
    }
    match rule.signature {
        Signature::None => {}
        Signature::SequenceHalves => {
            signs.push("in common: **upper ^ lower half of the sequence number**".to_owned());
        }
        Signature::SequenceKey => signs.push(
            "in common: **sequence number ^ destination with its octets reversed ^ ((destination port << 16) + source \
             port)**"
                .to_owned(),
        ),
    }
    signs
}

/// Numbers with *or* before the last.
fn listed(numbers: &[u16]) -> String {
    let texts: Vec<_> = numbers.iter().map(u16::to_string).collect();
    match &texts[..] {
        [one] => one.clone(),
        [all @ .., last] => format!("{} or {last}", all.join(", ")),
        [] => String::new(),
    }
}

/// Options by their kinds (RFC 9293, section 3.2; RFC 7323; RFC 2018).
fn in_words(options: &Options) -> String {
    let octets: Vec<u8> = options.octets().collect();
    let (mut rest, mut words) = (&octets[..], Vec::new());
    while let [kind, after @ ..] = rest {
        let (word, next) = match (kind, after) {
            (1, next) => ("NOP".to_owned(), next),
            (2, [4, high, low, next @ ..]) => (format!("MSS {}", u16::from_be_bytes([*high, *low])), next),
            (3, [3, shift, next @ ..]) => (format!("window scale {shift}"), next),
            (4, [2, next @ ..]) => ("SACK permitted".to_owned(), next),
            other => panic!("no words for {other:?}"),
        };
        words.push(word);
        rest = next;
    }
    match &words[..] {
        [] => "no options".to_owned(),
        [one] => format!("option {one} alone"),
        all => format!("options {}", all.join(", ")),
    }
}

fn certainty(rule: &Rule) -> String {
    match (rule.proof(), rule.signature) {
        (Proof::Packet, _) => "`sure`".to_owned(),
        (Proof::Never, _) => "`likely`".to_owned(),
        (Proof::Source, Signature::None) => {
            format!("`likely`; `sure` of a source with {PROOF_PROBES} packets, all of which match")
        }
        (Proof::Source, _) => {
            format!(
                "`likely`; `sure` of a source with {PROOF_PROBES} different probes that have it in common"
            )
        }
    }
}
