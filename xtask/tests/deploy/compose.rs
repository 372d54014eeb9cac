//! The containers' files: that they parse, mount what is there, and give no more privilege than they say.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use crate::Test;
use crate::files;

pub(crate) const TESTS: &[Test] = &[
    ("every_container_is_confined", every_container_is_confined),
    (
        "the_sensor_has_the_three_capabilities_and_no_other",
        the_sensor_has_the_three_capabilities_and_no_other,
    ),
    (
        "what_containers_mount_from_here_is_there",
        what_containers_mount_from_here_is_there,
    ),
    (
        "the_image_is_built_in_stages_and_runs_without_root",
        the_image_is_built_in_stages_and_runs_without_root,
    ),
];

const FOLDER: &str = "deploy/compose";

fn services() -> Result<Vec<(String, Value)>> {
    let file = files::yaml(&format!("{FOLDER}/compose.yaml"))?;
    let services = file["services"].as_object().context("no services")?;
    ensure!(services.len() == 4, "{:?}", services.keys());
    Ok(services
        .iter()
        .map(|(name, service)| (name.clone(), whole(service)))
        .collect())
}

/// A service with what it takes over by `<<`.
fn whole(service: &Value) -> Value {
    let mut whole = service["<<"].clone();
    if let (Some(into), Some(from)) = (whole.as_object_mut(), service.as_object()) {
        into.extend(from.clone());
        return whole;
    }
    service.clone()
}

fn every_container_is_confined() -> Result<()> {
    for (name, service) in services()? {
        ensure!(service["read_only"] == true, "{name}: the root can be written");
        ensure!(
            service["cap_drop"] == json!(["ALL"]),
            "{name}: it keeps capabilities"
        );
        let user = files::string(&service, "user")?;
        ensure!(
            !user.starts_with('0') && user != "root",
            "{name}: the user is {user}"
        );
        ensure!(service["privileged"].is_null(), "{name}: it is privileged");
        // The host's network has no published ports: each listens on loopback by its own settings.
        ensure!(
            service["network_mode"] == "host" && service["ports"].is_null(),
            "{name}: its network"
        );
        if name != "sensor" {
            ensure!(
                service["security_opt"] == json!(["no-new-privileges:true"]) && service["cap_add"].is_null(),
                "{name}: it may gain privileges"
            );
            ensure!(
                service.to_string().contains("127.0.0.1"),
                "{name}: it listens to the world"
            );
        }
    }
    Ok(())
}

fn the_sensor_has_the_three_capabilities_and_no_other() -> Result<()> {
    let (_, sensor) = services()?
        .into_iter()
        .find(|(name, _)| name == "sensor")
        .context("no sensor")?;
    let added: BTreeSet<_> = files::items(&sensor, "cap_add")
        .iter()
        .filter_map(|capability| Some(format!("CAP_{}", capability.as_str()?)))
        .collect();
    let page = files::text("docs/operations.md")?;
    let documented: BTreeSet<_> = page
        .lines()
        .filter_map(|line| line.strip_prefix("| `CAP_"))
        .filter_map(|line| Some(format!("CAP_{}", line.split_once('`')?.0)))
        .collect();
    ensure!(
        added == documented,
        "the container has {added:?}, docs/operations.md {documented:?}"
    );
    let given = files::text(&format!("{FOLDER}/Dockerfile"))?;
    for capability in &added {
        ensure!(
            given.contains(&capability.to_lowercase()),
            "the file has no {capability}"
        );
    }
    Ok(())
}

fn what_containers_mount_from_here_is_there() -> Result<()> {
    for (name, service) in services()? {
        for volume in files::items(&service, "volumes") {
            let volume = volume.as_str().context("a volume is a text")?;
            let Some(path) = volume.split(':').next().filter(|path| path.starts_with('.')) else {
                continue;
            };
            // The operator's own copy of the example.
            let path = path.replace("./teiten.toml", "./teiten.toml.example");
            ensure!(
                files::root().join(FOLDER).join(&path).exists(),
                "{name}: {path} is not there"
            );
            ensure!(volume.ends_with(":ro"), "{name}: {path} can be written");
        }
    }
    Ok(())
}

fn the_image_is_built_in_stages_and_runs_without_root() -> Result<()> {
    let text = files::text(&format!("{FOLDER}/Dockerfile"))?;
    let joined = text.replace("\\\n", " ");
    let steps: Vec<_> = joined
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .collect();
    let known = [
        "FROM ",
        "RUN ",
        "ENV ",
        "WORKDIR ",
        "COPY ",
        "USER ",
        "ENTRYPOINT ",
        "CMD ",
    ];
    for step in &steps {
        ensure!(
            known.iter().any(|word| step.starts_with(word)),
            "no instruction: {step}"
        );
    }
    let stages = steps.iter().filter(|step| step.starts_with("FROM ")).count();
    ensure!(stages == 2, "{stages} stages");
    let user = steps.iter().rposition(|step| *step == "USER 65534:65534");
    let last_run = steps.iter().rposition(|step| step.starts_with("RUN "));
    ensure!(
        user.is_some() && user > last_run,
        "the last stage does not end as an ordinary user"
    );
    for step in steps
        .iter()
        .filter(|step| step.starts_with("ENTRYPOINT ") || step.starts_with("CMD "))
    {
        let words = step.split_once(' ').map_or("", |(_, words)| words);
        let _: Vec<String> = serde_json::from_str(words).with_context(|| (*step).to_owned())?;
    }
    Ok(())
}
