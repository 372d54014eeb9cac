//! A scrape of a made-up state, read back.

use std::{collections::BTreeMap, sync::Arc};

use sensor_evidence::probe::Probes;
use teiten::{
    export::{
        metrics::{Identity, Metrics},
        published::{Published, State},
    },
    samples::Books,
};

/// A family as a scrape gives it.
#[derive(Debug, Default)]
pub struct Family {
    pub kind: String,
    pub help: String,
    labels: Vec<String>,
    pub series: usize,
}

impl Family {
    pub fn label_list(&self) -> String {
        let labels: Vec<_> = self.labels.iter().map(|label| format!("`{label}`")).collect();
        labels.join(", ")
    }
}

/// The families of a scrape of this state, by name.
pub fn scraped(state: &State) -> BTreeMap<String, Family> {
    let published = Arc::new(Published::default());
    published.set(state.clone());
    let identity = Identity {
        sensor: "reference".to_owned(),
        version: "0",
        program: "0".to_owned(),
        watched_addresses: 256,
    };
    let mut metrics = Metrics::new(published, identity).unwrap();
    metrics.samples = Some(Arc::new(Books::new(&Probes::default())));
    let text = metrics.encode().unwrap();
    let mut families: BTreeMap<String, Family> = BTreeMap::new();
    let mut current = String::new();
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let (name, help) = rest.split_once(' ').unwrap();
            name.clone_into(&mut current);
            help.clone_into(&mut families.entry(current.clone()).or_default().help);
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap();
            assert_eq!(name, current, "a type without its help");
            kind.clone_into(&mut families.entry(current.clone()).or_default().kind);
        } else {
            let family = families.get_mut(&current).unwrap();
            assert!(line.starts_with(&current), "{line} stands under {current}");
            family.series += 1;
            family.labels = labels_of(line);
        }
    }
    families
}

/// The names of a series' labels. The values here hold neither quotes nor commas. A histogram's own is left out.
fn labels_of(series: &str) -> Vec<String> {
    let Some((_, rest)) = series.split_once('{') else {
        return Vec::new();
    };
    let (labels, _) = rest.split_once('}').unwrap();
    let names = labels.split(',').map(|label| label.split_once('=').unwrap().0);
    names.filter(|name| *name != "le").map(str::to_owned).collect()
}
