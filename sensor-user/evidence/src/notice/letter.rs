//! A notice as a plain letter that an analyst can send, in Japanese or English.

use std::{collections::BTreeSet, fmt::Write as _};

use super::{Line, Network, Service, moment};
use crate::event::{Kind, Scan, Victim};

/// The language of a letter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Language {
    /// Japanese.
    #[default]
    Japanese,
    /// English.
    English,
}

const TIME: &str = "%Y-%m-%d %H:%M:%S";
/// Lines of a letter for each of its lists; the CSV and the JSON have all.
const MOST_LINES: usize = 50;

/// The fixed parts of a letter. A name in braces is filled in.
struct Words {
    head: &'static str,
    events: &'static str,
    evidence: &'static str,
    more: &'static str,
    horizontal: &'static str,
    vertical: &'static str,
    both: &'static str,
    scan: &'static str,
    victim: &'static str,
    foot: &'static str,
}

const JAPANESE: Words = Words {
    head: "件名: {network} からの不審な通信について\n\n\
           {network} のネットワーク管理者様\n\n\
           未使用の IP アドレスを観測する定点観測システムにおいて、貴ネットワークを送信元とする通信を観測しました。\n\n\
           期間（UTC）: {first} から {last}\n\
           送信元アドレス数: {sources}（うち探索活動: {scanning}、攻撃を受けている可能性: {attacked}）\n\
           パケット数: {packets}\n",
    events: "\n探索活動と攻撃（時刻は UTC）:\n",
    evidence: "\n観測内容（時刻は UTC）:\n",
    more: "  （ほか {left} 行）\n",
    horizontal: "水平探索",
    vertical: "垂直探索",
    both: "水平・垂直探索",
    scan: "  {first} から {last}: {source} {kind}、宛先 {destinations} 以上、ポート {ports} 以上、{packets} パケット\n",
    victim: "  {first} から {last}: {source} が攻撃を受けている可能性、応答 {packets} パケット\n",
    foot: "\nTCP の Mirai 印は、宛先 IP アドレスと TCP シーケンス番号が一致する SYN パケットを指します。\n\
           該当する機器の確認と、必要な対策（更新、初期パスワードの変更、外部公開の停止など）をお願いいたします。\n\
           送信元 IP アドレスが詐称されている可能性があります。class が backscatter の行は、該当アドレスが攻撃を受けている\n\
           可能性を示します。\n",
};

const ENGLISH: Words = Words {
    head: "Subject: Unwanted traffic from {network}\n\n\
           To whom it may concern at {network},\n\n\
           a network telescope, which watches addresses that nobody uses, received packets from your network.\n\n\
           Period (UTC): {first} to {last}\n\
           Sources: {sources} (scanning: {scanning}; possibly under attack: {attacked})\n\
           Packets: {packets}\n",
    events: "\nScans and attacks (times are UTC):\n",
    evidence: "\nWhat was seen (times are UTC):\n",
    more: "  (and {left} more lines)\n",
    horizontal: "scanned addresses",
    vertical: "scanned ports",
    both: "scanned addresses and ports",
    scan: "  {first} to {last}: {source} {kind}: at least {destinations} destinations, at least {ports} ports, {packets} packets\n",
    victim: "  {first} to {last}: {source} may be under attack: {packets} answers to forged packets\n",
    foot: "\nThe mark `mirai` is a TCP SYN whose sequence number equals its destination address.\n\
           Please look at the devices behind these addresses, and do what is needed: update them, change default\n\
           passwords, take them off the public Internet. Sources may be forged. Lines of class backscatter say that\n\
           the address may itself be under attack.\n",
};

/// The letter about one network.
#[must_use]
pub fn letter(network: &Network, language: Language) -> String {
    let words = match language {
        Language::Japanese => &JAPANESE,
        Language::English => &ENGLISH,
    };
    let mut text = head(network, words);
    let events: Vec<String> = network
        .scans
        .iter()
        .map(|scan| of_scan(scan, words))
        .chain(network.victims.iter().map(|victim| of_victim(victim, words)))
        .collect();
    if !events.is_empty() {
        text.push_str(words.events);
        list(&mut text, &events, words);
    }
    text.push_str(words.evidence);
    let evidence: Vec<String> = network.lines.iter().map(evidence).collect();
    list(&mut text, &evidence, words);
    text.push_str(words.foot);
    text
}

fn head(network: &Network, words: &Words) -> String {
    let distinct = |sources: BTreeSet<_>| sources.len().to_string();
    fill(
        words.head,
        &[
            ("network", network.network.to_string()),
            ("first", moment(network.first, TIME)),
            ("last", moment(network.last, TIME)),
            (
                "sources",
                distinct(network.lines.iter().map(|line| line.source).collect()),
            ),
            (
                "scanning",
                distinct(network.scans.iter().map(|scan| scan.source).collect()),
            ),
            (
                "attacked",
                distinct(network.victims.iter().map(|victim| victim.address).collect()),
            ),
            ("packets", network.packets.to_string()),
        ],
    )
}

fn of_scan(scan: &Scan, words: &Words) -> String {
    let kind = match scan.kind {
        Kind::Horizontal => words.horizontal,
        Kind::Vertical => words.vertical,
        Kind::Both => words.both,
    };
    fill(
        words.scan,
        &[
            ("first", moment(scan.first, TIME)),
            ("last", moment(scan.last, TIME)),
            ("source", scan.source.to_string()),
            ("kind", kind.to_owned()),
            ("destinations", scan.destinations.to_string()),
            ("ports", scan.ports.to_string()),
            ("packets", scan.packets.to_string()),
        ],
    )
}

fn of_victim(victim: &Victim, words: &Words) -> String {
    fill(
        words.victim,
        &[
            ("first", moment(victim.first, TIME)),
            ("last", moment(victim.last, TIME)),
            ("source", victim.address.to_string()),
            ("packets", victim.packets.to_string()),
        ],
    )
}

/// The first lines, and how many there are more.
fn list(text: &mut String, lines: &[String], words: &Words) {
    for line in lines.iter().take(MOST_LINES) {
        text.push_str(line);
    }
    let left = lines.len().saturating_sub(MOST_LINES);
    if left > 0 {
        text.push_str(&fill(words.more, &[("left", left.to_string())]));
    }
}

/// Puts values in the places of their names. None of them is a stranger's text.
fn fill(words: &str, values: &[(&str, String)]) -> String {
    values.iter().fold(words.to_owned(), |text, (name, value)| {
        text.replace(&format!("{{{name}}}"), value)
    })
}

fn evidence(line: &Line) -> String {
    let tools: Vec<_> = line.tools.iter().map(String::as_str).collect();
    let mut text = format!(
        "  {} {} {} {} packets={} last={}",
        moment(line.first, TIME),
        line.source,
        service(line),
        line.class,
        line.packets,
        moment(line.last, TIME),
    );
    // Writing to a string cannot fail.
    if !tools.is_empty() {
        let _ = write!(text, " tools={}", tools.join(","));
    }
    if let Some(research) = &line.research {
        let _ = write!(text, " research={research}");
    }
    text.push('\n');
    text
}

fn service(line: &Line) -> String {
    let number = |port: Option<u16>| port.map_or_else(|| "-".to_owned(), |port| port.to_string());
    match line.service() {
        Service::Ports(source, _) if line.class == "backscatter" => {
            format!("from {}/{}", number(source), line.transport)
        }
        Service::Ports(_, destination) => format!("to {}/{}", number(destination), line.transport),
        Service::Message(kind, code) => format!("{} type {kind} code {code}", line.transport),
        Service::None => line.transport.clone(),
    }
}
