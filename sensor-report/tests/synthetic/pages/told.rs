//! What the pages tell of causes, against the truth.

use teiten_report::{
    model::{Cell, Key, Region, Span},
    page::Language,
};

use super::{
    LANGUAGES, World,
    html::{Text, texts},
    pages, text,
};
use crate::truth;

/// Everything that is told of ports and regions, as a reader sees it but for the spaces.
fn stories(page: &[Text]) -> String {
    let told: Vec<&str> = page
        .iter()
        .filter(|text| text.is_in_class("story"))
        .map(|text| text.text.as_str())
        .collect();
    told.concat().replace([' ', '\n', ','], "")
}

fn percent(share: f64) -> String {
    if (0.995..1.0).contains(&share) {
        format!("{:.1}%", share * 100.0)
    } else {
        format!("{:.0}%", share * 100.0)
    }
}

/// The share of Korea's loss that 445/TCP is, over the sensors in both quarters, worked out of the truth.
fn share_of_445(world: &World) -> f64 {
    let rate = |period: &sensor_synth::PeriodTruth, packets: fn(&sensor_synth::SensorTruth) -> u64| {
        let sensors: Vec<_> = ["synth-01", "synth-02"]
            .iter()
            .map(|id| &period.sensors[*id])
            .collect();
        truth::rate(&sensors, packets)
    };
    let change = |packets| rate(&world.truth.later, packets) - rate(&world.truth.earlier, packets);
    change(|sensor| truth::cell(sensor, "KR", "445/tcp")) / change(|sensor| truth::regions(sensor)["KR"])
}

pub(super) fn causes(world: &World) {
    let share = percent(share_of_445(world));
    let december = truth::of_days(&world.truth.later, "US", &[(0, 61), (61, 92)]);
    let decline = truth::of_days(&world.truth.later, "CN", &[(0, 10), (82, 92)]);
    let tenths = ((1.0 - decline[1] / decline[0]) * 10.0).round();
    for language in LANGUAGES {
        let told = stories(&texts(&text(&pages(&world.report, language), ".html")));
        let has = |japanese: String, english: String| {
            let wanted = if language == Language::Japanese {
                japanese
            } else {
                english
            };
            assert!(
                told.contains(&wanted.replace([' ', ','], "")),
                "{wanted} in {told}"
            );
        };
        has(
            "韓国は前期の5位から".to_owned(),
            "South Korea fell from rank 5".to_owned(),
        );
        has(format!("減少分の{share}"), format!("{share} of the fall"));
        has(
            format!(
                "12月に入って米国からのパケットが増加しました（それまでの平均{:.0}に対し{:.0}",
                december[0], december[1]
            ),
            format!(
                "In December packets from the United States rose (from an average of {:.0} until then to {:.0}",
                december[0], december[1]
            ),
        );
        has(
            "これは81/TCP宛のパケットが増加したことが要因です".to_owned(),
            "The cause is 81/TCP, which went from".to_owned(),
        );
        has(
            format!("中国からのパケットは、期初と比べて期末には（10日間平均で）約{tenths:.0}割減"),
            format!(
                "the average from China fell by {}",
                percent(1.0 - decline[1] / decline[0])
            ),
        );
        has(
            "センサーの追加（Sensor 03）によるもの".to_owned(),
            "sensors that were added (Sensor 03)".to_owned(),
        );
        has(
            "ロシアからカザフスタンに分類が変わった".to_owned(),
            "counts packets as of Kazakhstan that were of Russia".to_owned(),
        );
        has(
            "1個の送信元によるもの".to_owned(),
            "It was made by 1 source".to_owned(),
        );
    }
    // What is held against the truth above is what the report holds.
    let korea = world.report.explanations.iter().find(|found| {
        found.subject == Key::SourceRegion(Region("KR".to_owned())) && found.span == Span::Periods
    });
    assert!(matches!(&korea.unwrap().causes[0].cell, Cell::Port(port) if port.number == 445));
}
