//! Pictures of the dashboards' panels, drawn from what a running Prometheus answers; they are not Grafana's.

use std::{fs, path::Path, process::Command};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use super::Api;
use crate::deployed::{self, expressions, expressions::Variables};

/// The page that draws; what it draws stands in it.
const PAGE: &str = include_str!("pictures.html");
const PLACE: &str = "/* DASHBOARD */ null";
/// Pixels of a line of Grafana's grid, and of what is above and below all lines, as the page has them.
const LINE: u64 = 34;
const MARGIN: u64 = 60;
/// Pixels of the page's width.
const WIDTH: u64 = 1464;
/// Points of a curve.
const POINTS: f64 = 200.0;

/// Draws each dashboard into `folder`, as a page and, by a headless Chromium, as a picture of it. The time shown is the
/// seconds from `from` to `to` since the epoch.
///
/// # Errors
/// Prometheus does not answer, or there is no Chromium.
pub fn draw(api: &Api, variables: &Variables<'_>, [from, to]: [f64; 2], folder: &Path) -> Result<()> {
    fs::create_dir_all(folder)?;
    for file in deployed::list("deploy/grafana/dashboards", "json")? {
        let dashboard = deployed::json(&file)?;
        let mut panels = Vec::new();
        let mut lines = 0;
        for panel in expressions::panels(&dashboard) {
            let place = |key: &str| panel["gridPos"][key].as_u64().unwrap_or_default();
            lines = lines.max(place("y") + place("h"));
            let drawn = self::panel(api, panel, variables, [from, to]);
            panels.push(drawn.with_context(|| format!("{file}, panel {}", panel["title"]))?);
        }
        let drawn = json!({"title": dashboard["title"], "panels": panels, "from": from, "to": to});
        let name = Path::new(&file)
            .file_stem()
            .context("a dashboard without a name")?;
        let page = folder.join(name).with_extension("html");
        // A label may say anything: nothing of it ends the script.
        fs::write(
            &page,
            PAGE.replace(PLACE, &drawn.to_string().replace("</", "<\\/")),
        )?;
        photograph(&page, &page.with_extension("png"), lines * LINE + MARGIN)?;
    }
    Ok(())
}

/// What the page needs of a panel, with the answers to its queries.
fn panel(api: &Api, panel: &Value, variables: &Variables<'_>, span: [f64; 2]) -> Result<Value> {
    let defaults = &panel["fieldConfig"]["defaults"];
    let names = deployed::items(panel, "transformations")
        .iter()
        .find(|step| step["id"] == "organize")
        .map(|step| step["options"]["renameByName"].clone())
        .unwrap_or_default();
    let targets = deployed::items(panel, "targets");
    let mut drawn = Vec::new();
    for target in targets {
        let query = variables.substitute(deployed::string(target, "expr")?)?;
        let rows = if target["range"] == true {
            api.query_range(&query, span, (span[1] - span[0]) / POINTS)?
        } else {
            api.query_at(&query, span[1])?
        };
        let column = format!("Value #{}", target["refId"].as_str().unwrap_or_default());
        let column = if targets.len() == 1 { "Value" } else { &column };
        let legend = target["legendFormat"].as_str().or(names[column].as_str());
        let unit = deployed::items(&panel["fieldConfig"], "overrides")
            .iter()
            .find(|rule| rule["matcher"]["options"].as_str() == legend)
            .map(|rule| rule["properties"][0]["value"].clone());
        drawn.push(json!({"legend": legend.unwrap_or_default(), "unit": unit, "rows": rows}));
    }
    let columns: Vec<_> = names
        .as_object()
        .into_iter()
        .flatten()
        .map(|(label, _)| label)
        .filter(|label| !label.starts_with("Value"))
        .collect();
    Ok(json!({
        "title": panel["title"], "type": panel["type"], "gridPos": panel["gridPos"], "unit": defaults["unit"],
        "decimals": defaults.get("decimals"), "thresholds": defaults["thresholds"], "columns": columns, "targets": drawn,
    }))
}

fn photograph(page: &Path, picture: &Path, height: u64) -> Result<()> {
    let output = Command::new("chromium")
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"])
        .arg(format!("--window-size={WIDTH},{height}"))
        .arg(format!("--screenshot={}", picture.display()))
        .arg(format!("file://{}", page.display()))
        .output()
        .context("chromium cannot be run: install it with `apt-get install chromium`")?;
    ensure!(
        output.status.success() && picture.exists(),
        "chromium made no picture of {}:\n{}",
        page.display(),
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(())
}
