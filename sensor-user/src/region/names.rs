//! What regions are called, in English and Japanese.

mod table;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::code::Region;

/// The most characters of a name that an operator gives.
pub const MAX_NAME_CHARACTERS: usize = 64;

/// A language of reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Language {
    /// English.
    #[serde(rename = "en")]
    English,
    /// Japanese.
    #[serde(rename = "ja")]
    Japanese,
}

/// The names of regions: those of the built-in table, and those that the operator prefers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RegionNames {
    preferred: BTreeMap<(Region, Language), String>,
}

/// A name that cannot be printed in a table.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the name given for region {region} is empty, has control characters, or is longer than {MAX_NAME_CHARACTERS} characters: give a short plain text"
)]
pub struct BadName {
    region: Region,
}

impl RegionNames {
    /// Prefers a name over that of the table.
    ///
    /// # Errors
    /// [`BadName`], when it is blank, longer than [`MAX_NAME_CHARACTERS`], or has control characters.
    pub fn prefer(&mut self, region: Region, language: Language, name: &str) -> Result<(), BadName> {
        let bad = name.trim().is_empty()
            || name.chars().count() > MAX_NAME_CHARACTERS
            || name.contains(char::is_control);
        if bad {
            return Err(BadName { region });
        }
        self.preferred.insert((region, language), name.to_owned());
        Ok(())
    }

    /// The name of a region; its code where nothing else is known.
    #[must_use]
    pub fn name(&self, region: Region, language: Language) -> &str {
        self.preferred
            .get(&(region, language))
            .map_or_else(|| built_in(region, language), String::as_str)
    }
}

fn built_in(region: Region, language: Language) -> &'static str {
    let code = region.code();
    let row = [table::ASSIGNED, table::OTHERS].into_iter().find_map(|rows| {
        let place = rows.binary_search_by_key(&code, |row| row.0).ok()?;
        rows.get(place)
    });
    match (row, language) {
        (None, _) => code,
        (Some((_, english, _)), Language::English) => english,
        (Some((_, _, japanese)), Language::Japanese) => japanese,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn region(code: &str) -> Region {
        code.parse().unwrap()
    }

    #[test]
    fn the_table_is_complete_sorted_and_unambiguous() {
        // ISO 3166-1 has 249 officially assigned codes.
        assert_eq!(table::ASSIGNED.len(), 249);
        for rows in [table::ASSIGNED, table::OTHERS] {
            assert!(rows.is_sorted_by(|before, after| before.0 < after.0));
        }
        let rows: Vec<_> = table::ASSIGNED.iter().chain(table::OTHERS).collect();
        for name in [
            |row: &table::Row| row.0,
            |row: &table::Row| row.1,
            |row: &table::Row| row.2,
        ] {
            let names: BTreeSet<_> = rows.iter().map(|row| name(row)).collect();
            assert_eq!(names.len(), rows.len());
        }
        for (code, english, japanese) in rows {
            region(code);
            assert!(!english.is_empty() && english.trim() == *english, "{code}");
            assert!(
                !japanese.is_empty() && !japanese.contains(|letter: char| letter.is_ascii_lowercase()),
                "{code}"
            );
        }
    }

    #[test]
    fn names_are_those_that_the_reports_print() {
        let names = RegionNames::default();
        let printed = [
            ("US", "米国"),
            ("GB", "英国"),
            ("KR", "韓国"),
            ("TW", "台湾"),
            ("RU", "ロシア"),
            ("CN", "中国"),
            ("BG", "ブルガリア"),
            ("DE", "ドイツ"),
            ("JP", "日本"),
            ("ZZ", "不明"),
        ];
        for (code, name) in printed {
            assert_eq!(names.name(region(code), Language::Japanese), name);
        }
        assert_eq!(names.name(region("KR"), Language::English), "South Korea");
        assert_eq!(
            names.name(Region::BOGON, Language::English),
            "Bogon (never routed)"
        );
        assert_eq!(names.name(region("QX"), Language::Japanese), "QX");
    }

    #[test]
    fn a_preferred_name_replaces_one_language_of_one_region() {
        let mut names = RegionNames::default();
        names
            .prefer(region("US"), Language::Japanese, "アメリカ")
            .unwrap();
        assert_eq!(names.name(region("US"), Language::Japanese), "アメリカ");
        assert_eq!(names.name(region("US"), Language::English), "United States");
        assert_eq!(names.name(region("UM"), Language::Japanese), "米領小離島");
    }

    #[test]
    fn a_name_that_would_break_a_table_is_refused() {
        let mut names = RegionNames::default();
        for name in [
            "",
            " ",
            "a\nb",
            "\u{1b}[31m",
            &"日".repeat(MAX_NAME_CHARACTERS + 1),
        ] {
            assert!(
                names.prefer(region("US"), Language::English, name).is_err(),
                "{name:?}"
            );
        }
        assert!(
            names
                .prefer(region("US"), Language::English, &"日".repeat(MAX_NAME_CHARACTERS))
                .is_ok()
        );
    }
}
