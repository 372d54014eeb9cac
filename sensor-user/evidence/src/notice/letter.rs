//! A notice as a plain letter that an analyst can send, in Japanese or English.

use std::{collections::BTreeSet, fmt::Write as _};

use super::{Line, Network, moment};

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
/// Lines of a letter for each network; the CSV has all.
const MOST_LINES: usize = 50;

/// The letter about one network.
#[must_use]
pub fn letter(network: &Network, language: Language) -> String {
    let mut text = match language {
        Language::Japanese => head_japanese(network),
        Language::English => head_english(network),
    };
    for line in network.lines.iter().take(MOST_LINES) {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "  {}", evidence(line));
    }
    if let Some(left) = network
        .lines
        .len()
        .checked_sub(MOST_LINES)
        .filter(|left| *left > 0)
    {
        let _ = match language {
            Language::Japanese => writeln!(text, "  （ほか {left} 行）"),
            Language::English => writeln!(text, "  (and {left} more lines)"),
        };
    }
    text.push_str(match language {
        Language::Japanese => {
            "\nTCP の Mirai 印は、宛先 IP アドレスと TCP シーケンス番号が一致する SYN パケットを指します。\n\
             該当する機器の確認と、必要な対策（更新、初期パスワードの変更、外部公開の停止など）をお願いいたします。\n\
             送信元 IP アドレスが詐称されている可能性があります。class が backscatter の行は、該当アドレスが攻撃を受けている\n\
             可能性を示します。\n"
        }
        Language::English => {
            "\nThe mark `mirai` is a TCP SYN whose sequence number equals its destination address.\n\
             Please look at the devices behind these addresses, and do what is needed: update them, change default\n\
             passwords, take them off the public Internet. Sources may be forged. Lines of class backscatter say that\n\
             the address may itself be under attack.\n"
        }
    });
    text
}

fn sources(network: &Network) -> usize {
    let sources: BTreeSet<_> = network.lines.iter().map(|line| line.source).collect();
    sources.len()
}

fn head_japanese(network: &Network) -> String {
    format!(
        "件名: {net} からの不審な通信について\n\n\
         {net} のネットワーク管理者様\n\n\
         未使用の IP アドレスを観測する定点観測システムにおいて、貴ネットワークを送信元とする通信を観測しました。\n\n\
         期間（UTC）: {first} から {last}\n\
         送信元アドレス数: {sources}（うち探索活動: {scanning}、攻撃を受けている可能性: {attacked}）\n\
         パケット数: {packets}\n\n\
         観測内容（時刻は UTC）:\n",
        net = network.network,
        first = moment(network.first, TIME),
        last = moment(network.last, TIME),
        sources = sources(network),
        scanning = network.scanning.len(),
        attacked = network.attacked.len(),
        packets = network.packets,
    )
}

fn head_english(network: &Network) -> String {
    format!(
        "Subject: Unwanted traffic from {net}\n\n\
         To whom it may concern at {net},\n\n\
         a network telescope, which watches addresses that nobody uses, received packets from your network.\n\n\
         Period (UTC): {first} to {last}\n\
         Sources: {sources} (scanning: {scanning}; possibly under attack: {attacked})\n\
         Packets: {packets}\n\n\
         What was seen (times are UTC):\n",
        net = network.network,
        first = moment(network.first, TIME),
        last = moment(network.last, TIME),
        sources = sources(network),
        scanning = network.scanning.len(),
        attacked = network.attacked.len(),
        packets = network.packets,
    )
}

fn evidence(line: &Line) -> String {
    let port = line.port.map_or_else(|| "-".to_owned(), |port| port.to_string());
    let tools: Vec<_> = line.tools.iter().map(String::as_str).collect();
    let mut text = format!(
        "{} {} to {}/{} {} packets={} last={}",
        moment(line.first, TIME),
        line.source,
        port,
        line.transport,
        line.class,
        line.packets,
        moment(line.last, TIME),
    );
    if !tools.is_empty() {
        let _ = write!(text, " tools={}", tools.join(","));
    }
    if let Some(research) = &line.research {
        let _ = write!(text, " research={research}");
    }
    text
}
