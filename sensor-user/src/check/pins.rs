//! The sensor's own pins: whether the next start can go on with them.

use super::Finding;
use crate::kernel::pins::{PinPlace, Survey, survey};

const CHECK: &str = "pins";

/// Looks at them; gives the numbers of the programs that they hold.
pub(super) fn look(place: &PinPlace, findings: &mut Vec<Finding>) -> Vec<u32> {
    let folder = place.folder().display().to_string();
    match survey(place) {
        Ok(found) => {
            findings.push(judge(&found, &detaching(place)).of(folder));
            let links = found.sets.iter().flat_map(|set| &set.links);
            links.map(|link| link.program).collect()
        }
        Err(error) => {
            let cure = format!("ls -ld {}", super::files::quoted(&folder));
            findings.push(Finding::error(CHECK, error.to_string(), cure).of(folder));
            Vec::new()
        }
    }
}

fn detaching(place: &PinPlace) -> String {
    format!(
        "teiten detach --id {} --pin-directory {}",
        place.sensor,
        super::files::quoted(&place.directory.display().to_string())
    )
}

fn judge(found: &Survey, detaching: &str) -> Finding {
    for set in &found.sets {
        if let Some(obstacle) = &set.obstacle {
            return Finding::error(
                CHECK,
                format!(
                    "what an earlier sensor pinned cannot be adopted ({obstacle}); removing it ends its totals"
                ),
                detaching,
            );
        }
    }
    let attached = found.sets.iter().map(|set| set.links.len()).sum::<usize>();
    Finding::ok(
        CHECK,
        match (found.sets.is_empty(), found.running) {
            (true, _) => "nothing is pinned yet: totals begin at 0".to_owned(),
            (false, true) => format!("a sensor works with them; {attached} attachments outlive it"),
            (false, false) => {
                format!(
                    "an earlier sensor left its totals and {attached} attachments: the next start goes on with them"
                )
            }
        },
    )
}
