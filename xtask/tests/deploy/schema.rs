//! The types that Grafana's dashboard schema (`kinds/dashboard/dashboard_kind.cue`, version 41) gives to what we use.

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::expressions;
use crate::files;

/// What a value has to be.
#[derive(Clone, Copy)]
enum Type {
    Text,
    Number,
    Whole,
    Truth,
    List,
    Object,
    /// One of these words.
    Word(&'static [&'static str]),
    /// A list of texts.
    Texts,
}

use Type::{List, Number, Object, Text, Texts, Truth, Whole, Word};

/// Keys with their types. What is not named is an error: a slip of the pen, or something nobody looked up.
type Shape = &'static [(&'static str, Type)];

const DASHBOARD: Shape = &[
    ("annotations", Object),
    ("description", Text),
    ("editable", Truth),
    ("fiscalYearStartMonth", Whole),
    ("graphTooltip", Whole),
    ("links", List),
    ("panels", List),
    ("refresh", Text),
    ("schemaVersion", Whole),
    ("tags", Texts),
    ("templating", Object),
    ("time", Object),
    ("timepicker", Object),
    ("timezone", Word(&["browser", "utc", ""])),
    ("title", Text),
    ("uid", Text),
    ("version", Whole),
];

const LINK: Shape = &[
    ("asDropdown", Truth),
    ("icon", Text),
    ("includeVars", Truth),
    ("keepTime", Truth),
    ("tags", Texts),
    ("targetBlank", Truth),
    ("title", Text),
    ("tooltip", Text),
    ("type", Word(&["link", "dashboards"])),
    ("url", Text),
];

const ANNOTATION: Shape = &[
    ("builtIn", Number),
    ("datasource", Object),
    ("enable", Truth),
    ("expr", Text),
    ("hide", Truth),
    ("iconColor", Text),
    ("name", Text),
    ("step", Text),
    ("tagKeys", Text),
    ("textFormat", Text),
    ("titleFormat", Text),
    ("type", Text),
    ("useValueForTime", Text),
];

const VARIABLE: Shape = &[
    ("allValue", Text),
    ("current", Object),
    ("datasource", Object),
    ("definition", Text),
    ("includeAll", Truth),
    ("label", Text),
    ("multi", Truth),
    ("name", Text),
    ("options", List),
    ("query", Text),
    ("refresh", Whole),
    ("regex", Text),
    ("sort", Whole),
    ("type", Word(&["query", "datasource"])),
];

const PANEL: Shape = &[
    ("collapsed", Truth),
    ("datasource", Object),
    ("description", Text),
    ("fieldConfig", Object),
    ("gridPos", Object),
    ("id", Whole),
    ("options", Object),
    ("panels", List),
    ("targets", List),
    ("title", Text),
    ("transformations", List),
    ("type", Word(&["row", "stat", "table", "timeseries"])),
];

const PLACE: Shape = &[("h", Whole), ("w", Whole), ("x", Whole), ("y", Whole)];

const DEFAULTS: Shape = &[
    ("color", Object),
    ("custom", Object),
    ("decimals", Number),
    ("links", List),
    ("mappings", List),
    ("max", Number),
    ("min", Number),
    ("noValue", Text),
    ("thresholds", Object),
    ("unit", Text),
];

const TARGET: Shape = &[
    ("datasource", Object),
    ("editorMode", Word(&["code", "builder"])),
    ("expr", Text),
    ("format", Word(&["table", "time_series", "heatmap"])),
    ("instant", Truth),
    ("legendFormat", Text),
    ("range", Truth),
    ("refId", Text),
];

/// Whether a dashboard has the types of the schema.
pub(crate) fn check(dashboard: &Value) -> Result<()> {
    of_shape(dashboard, DASHBOARD)?;
    for link in files::items(dashboard, "links") {
        of_shape(link, LINK)?;
    }
    for annotation in files::items(&dashboard["annotations"], "list") {
        of_shape(annotation, ANNOTATION)?;
    }
    for variable in files::items(&dashboard["templating"], "list") {
        of_shape(variable, VARIABLE).with_context(|| format!("variable {}", variable["name"]))?;
    }
    for panel in expressions::panels(dashboard) {
        of_panel(panel).with_context(|| format!("panel {}", panel["title"]))?;
    }
    Ok(())
}

fn of_panel(panel: &Value) -> Result<()> {
    of_shape(panel, PANEL)?;
    of_shape(&panel["gridPos"], PLACE)?;
    for target in files::items(panel, "targets") {
        of_shape(target, TARGET)?;
    }
    if panel["type"] == "row" {
        return Ok(());
    }
    let defaults = &panel["fieldConfig"]["defaults"];
    of_shape(defaults, DEFAULTS)?;
    for step in files::items(&defaults["thresholds"], "steps") {
        ensure!(
            step["color"].is_string() && (step["value"].is_number() || step["value"].is_null()),
            "a threshold is {step}"
        );
    }
    Ok(())
}

fn of_shape(value: &Value, shape: Shape) -> Result<()> {
    let object = value.as_object().with_context(|| format!("no object: {value}"))?;
    for (key, value) in object {
        let (_, wanted) = shape
            .iter()
            .find(|(name, _)| name == key)
            .with_context(|| format!("the schema has no {key:?} here"))?;
        let right = match wanted {
            Text => value.is_string(),
            Number => value.is_number(),
            Whole => value.is_u64(),
            Truth => value.is_boolean(),
            List => value.is_array(),
            Object => value.is_object(),
            Word(words) => value.as_str().is_some_and(|word| words.contains(&word)),
            Texts => value
                .as_array()
                .is_some_and(|items| items.iter().all(Value::is_string)),
        };
        ensure!(right, "{key:?} is {value}");
    }
    Ok(())
}
