//! Which figures a report has, with their titles and alternative texts.

use std::fmt::Display;

use minijinja::{Environment, Value, context};
use serde_json::json;

use super::{
    FONTS, PageError,
    engine::{Format, environment},
    figure::{self, Bar, Mark},
    words::{self, Language},
};
use crate::model::{Port, Ranked, Region, Report, Series, Step};

/// Lines over fewer points than this show nothing: bars do.
const FEWEST_POINTS: usize = 3;

/// A figure, drawn.
#[derive(Clone, Debug)]
pub(crate) struct Drawing {
    /// The name of its table.
    pub(crate) name: String,
    pub(crate) title: String,
    pub(crate) title_html: String,
    pub(crate) alt: String,
    pub(crate) svg: String,
}

impl Drawing {
    /// Its file, from the report's folder.
    pub(crate) fn file(&self, tag: &str, ending: &str) -> String {
        format!("figures/{}.{tag}.{ending}", self.name)
    }
}

/// Every figure of a report, in the order of the page.
pub(crate) fn drawings(
    report: &Report,
    language: Language,
    marks: &[Mark],
) -> Result<Vec<Drawing>, PageError> {
    let mut artist = Artist {
        report,
        language,
        marks,
        plain: environment(language, Format::Plain)?,
        html: environment(language, Format::Html)?,
        drawn: Vec::new(),
    };
    let region = |region: &Region| words::region(region, language).to_owned();
    let port = |port: &Port| port.to_string();
    if report.ports.daily.at.len() < FEWEST_POINTS {
        artist.bars("ports", &report.ports.rows, port)?;
        artist.bars("source_regions", &report.source_regions.rows, region)?;
        return Ok(artist.drawn);
    }
    artist.lines(
        "overview_daily",
        "overview_daily",
        None,
        &report.overview.daily,
        |_| String::new(),
    )?;
    artist.lines("ports_daily", "ports_daily", None, &report.ports.daily, port)?;
    artist.lines(
        "source_regions_daily",
        "source_regions_daily",
        None,
        &report.source_regions.daily,
        region,
    )?;
    for service in &report.watched {
        let (name, port) = (service.table_name(), Some(&service.port));
        artist.lines(&format!("{name}_days"), "days", port, &service.daily, region)?;
        artist.lines(&format!("{name}_months"), "months", port, &service.months, region)?;
        artist.lines(
            &format!("{name}_sources"),
            "months_sources",
            port,
            &service.sources,
            region,
        )?;
    }
    let mirai = &report.mirai;
    for (name, series) in [
        ("mirai_daily", &mirai.daily),
        ("mirai_daily_sources", &mirai.daily_sources),
        ("mirai_unmarked_daily", &mirai.unmarked_daily),
    ] {
        artist.lines(name, name, None, series, |_| String::new())?;
    }
    Ok(artist.drawn)
}

struct Artist<'report> {
    report: &'report Report,
    language: Language,
    marks: &'report [Mark],
    plain: Environment<'static>,
    html: Environment<'static>,
    drawn: Vec<Drawing>,
}

impl Artist<'_> {
    /// Draws a series, unless there is next to nothing in it.
    fn lines<K: Display>(
        &mut self,
        name: &str,
        title: &str,
        port: Option<&Port>,
        series: &Series<K>,
        key_name: impl Fn(&K) -> String,
    ) -> Result<(), PageError> {
        if series.at.len() < FEWEST_POINTS || series.lines.is_empty() {
            return Ok(());
        }
        let mut names = Vec::new();
        for line in &series.lines {
            let name = key_name(&line.key);
            names.push(if name.is_empty() {
                self.said(&self.plain, "line_name", &[Value::from(line.key.to_string())])?
            } else {
                name
            });
        }
        let unit = if name.ends_with("sources") {
            self.said(&self.plain, "unit_sources", &[])?
        } else {
            self.unit()?
        };
        let told: Vec<_> = series
            .lines
            .iter()
            .zip(&names)
            .filter_map(|(line, name)| {
                let (most_at, most) = most(&line.values)?;
                let day = *series.at.get(most_at)?;
                let most_at = match series.step {
                    Step::Day => words::day(day, self.language),
                    Step::Month => words::month_of_year(day, self.language),
                };
                let mut seen = line.values.iter().flatten();
                let first = seen.next()?;
                let last = seen.next_back().unwrap_or(first);
                Some(json!({"name": name, "most": most, "most_at": most_at, "first": first, "last": last}))
            })
            .collect();
        let chart = Value::from_serialize(figure::lines(series, &names, self.marks, self.language));
        self.add(
            name,
            title,
            port,
            &unit,
            ("lines.svg", "alt_lines"),
            &chart,
            &json!(told),
        )
    }

    /// Draws the rates of a table's rows, before and after.
    fn bars<K>(
        &mut self,
        name: &str,
        rows: &[Ranked<K>],
        key_name: impl Fn(&K) -> String,
    ) -> Result<(), PageError> {
        let bars: Vec<_> = rows
            .iter()
            .map(|row| Bar {
                name: key_name(&row.key),
                before: self.report.has_previous.then_some(row.comparable.before),
                after: row.rate,
            })
            .collect();
        if bars.is_empty() {
            return Ok(());
        }
        let unit = self.unit()?;
        let told: Vec<_> = bars
            .iter()
            .map(|bar| json!({"name": bar.name, "before": bar.before, "after": bar.after}))
            .collect();
        let chart = Value::from_serialize(figure::bars(&bars));
        self.add(
            name,
            name,
            None,
            &unit,
            ("bars.svg", "alt_bars"),
            &chart,
            &json!(told),
        )
    }

    #[expect(clippy::too_many_arguments, reason = "everything that a figure has")]
    fn add(
        &mut self,
        name: &str,
        title: &str,
        port: Option<&Port>,
        unit: &str,
        (template, alt): (&str, &str),
        chart: &Value,
        told: &serde_json::Value,
    ) -> Result<(), PageError> {
        let arguments = [
            Value::from(title),
            Value::from_serialize(json!({})),
            port.map_or(Value::from(()), |port| Value::from(port.to_string())),
        ];
        let title = self.said(&self.plain, "figure_title", &arguments)?;
        let title_html = self.said(&self.html, "figure_title", &arguments)?;
        let alt = self.said(
            &self.plain,
            alt,
            &[
                Value::from(&title),
                Value::from(unit),
                Value::from_serialize(told),
            ],
        )?;
        let text = self.plain.get_template(&self.text())?;
        let words = text
            .render_captured(())?
            .state()
            .lookup("words")
            .unwrap_or_default();
        let svg = self.plain.get_template(template)?.render(context! {
            id => name,
            title => title.clone(),
            alt => alt.clone(),
            unit => unit,
            fonts => FONTS,
            chart => chart,
            now => words.get_attr("now")?,
            before => words.get_attr("before")?,
        })?;
        self.drawn.push(Drawing {
            name: name.to_owned(),
            title,
            title_html,
            alt,
            svg,
        });
        Ok(())
    }

    /// The file with the prose of the language.
    fn text(&self) -> String {
        format!("{}.txt", self.language.tag())
    }

    /// What a macro of the language's prose says.
    fn said(
        &self,
        environment: &Environment<'_>,
        name: &str,
        arguments: &[Value],
    ) -> Result<String, PageError> {
        let template = environment.get_template(&self.text())?;
        let said = template
            .render_captured(())?
            .state()
            .call_macro(name, arguments)?;
        Ok(said.trim().to_owned())
    }

    fn unit(&self) -> Result<String, PageError> {
        let measure = Value::from_serialize(self.report.options.measure);
        self.said(&self.plain, "unit", &[measure])
    }
}

/// The place and the size of the largest value.
fn most(values: &[Option<f64>]) -> Option<(usize, f64)> {
    let seen = values
        .iter()
        .enumerate()
        .filter_map(|(place, value)| Some((place, (*value)?)));
    seen.max_by(|one, other| one.1.total_cmp(&other.1).then(other.0.cmp(&one.0)))
}
