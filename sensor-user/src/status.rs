//! `teiten status` and `teiten detach`: what is pinned and attached, in words and as JSON.

use std::io::Write;

use crate::kernel::pins::{PinnedSet, Survey};

/// Prints what there is.
///
/// # Errors
/// The output cannot be written.
pub fn print(found: &Survey, json: bool, out: &mut impl Write) -> anyhow::Result<()> {
    if json {
        serde_json::to_writer_pretty(&mut *out, found)?;
        writeln!(out)?;
        return Ok(());
    }
    writeln!(out, "sensor    {}", found.sensor)?;
    writeln!(out, "pins      {}", found.folder.display())?;
    let daemon = match (found.running, found.process) {
        (true, Some(process)) => format!("runs, process {process}"),
        (true, None) => "runs".to_owned(),
        (false, _) => "does not run".to_owned(),
    };
    writeln!(out, "daemon    {daemon}")?;
    if found.sets.is_empty() {
        writeln!(out, "nothing is pinned: nothing counts without a daemon")?;
    }
    for set in &found.sets {
        print_set(set, out)?;
    }
    Ok(())
}

fn print_set(set: &PinnedSet, out: &mut impl Write) -> anyhow::Result<()> {
    writeln!(out, "layout    {}", set.layout)?;
    if let Some(obstacle) = &set.obstacle {
        writeln!(out, "          cannot be adopted: {obstacle}")?;
    }
    if let Some(seen) = set.seen {
        writeln!(out, "seen      {seen} packets")?;
    }
    if let Some(lost) = set.lost_crash.filter(|lost| *lost > 0) {
        writeln!(
            out,
            "          of {lost} of them the detail was lost with a daemon that died"
        )?;
    }
    if set.links.is_empty() {
        writeln!(out, "attached  nowhere")?;
    }
    for link in &set.links {
        let interface = link.interface.as_deref().unwrap_or("?");
        match link.mode.filter(|_| link.attached) {
            Some(mode) => writeln!(out, "attached  {interface}, {mode}, program {}", link.program)?,
            None if link.index == 0 => writeln!(out, "attached  no more: the interface is gone")?,
            None => writeln!(
                out,
                "attached  interface {} of another network namespace, program {}",
                link.index, link.program
            )?,
        }
    }
    Ok(())
}

/// Prints what was taken off.
///
/// # Errors
/// The output cannot be written.
pub fn print_detached(before: &Survey, json: bool, out: &mut impl Write) -> anyhow::Result<()> {
    if json {
        return print(before, true, out);
    }
    if before.sets.is_empty() {
        writeln!(out, "nothing was pinned at {}", before.folder.display())?;
    }
    for set in &before.sets {
        for link in &set.links {
            let interface = link.interface.as_deref().unwrap_or("an interface that is gone");
            writeln!(out, "taken off {interface}")?;
        }
        match set.seen {
            Some(seen) => writeln!(
                out,
                "removed layout {}, whose totals end at {seen} packets seen",
                set.layout
            )?,
            None => writeln!(
                out,
                "removed layout {}, whose totals could not be read",
                set.layout
            )?,
        }
    }
    Ok(())
}
