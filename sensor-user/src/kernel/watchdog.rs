//! The watchdog: whether the program is still where it was attached, and what is to be done where it is not.

use std::io;

use sensor_common::counters::interface_slot;

use super::{
    Attachment, KernelError, ModeChoice, Sensor,
    holder::{self, Interface},
    sys,
};

/// What is to be done about an attachment.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    /// Nothing: the program is there.
    Nothing,
    /// Nothing can be done: there is no interface.
    Wait,
    /// Attach to the interface of this number, which has no program.
    Attach(u32),
    /// Nothing may be done: this program of somebody else is there.
    Leave(u32),
}

/// Decides from what is known: the interface of the attachment's number, where there is one, and the number that its
/// name has now.
fn judge(program: u32, index: u32, here: Option<&Interface>, by_name: Option<u32>) -> Step {
    match (here.map(|here| here.program), by_name) {
        (Some(Some(found)), _) if found == program => Step::Nothing,
        (Some(Some(found)), _) => Step::Leave(found),
        // Somebody took it off; or a driver's reset did.
        (Some(None), _) => Step::Attach(index),
        // Deleted and made again: the name has another number, and the new device has no program of ours.
        (None, Some(again)) => Step::Attach(again),
        (None, None) => Step::Wait,
    }
}

impl Sensor {
    /// Looks at every attachment, and attaches again where that is right: never in the place of somebody else's
    /// program. What changes is said once. Says whether anything did.
    pub fn watch(&mut self, attachments: &mut [Attachment], choice: ModeChoice) -> bool {
        let mut changed = false;
        for place in 0..attachments.len() {
            let before = attachments[place].clone();
            match look(&before) {
                Ok((step, here)) => {
                    let attachment = &mut attachments[place];
                    if let Some(here) = &here {
                        note(attachment, here);
                    }
                    match step {
                        Step::Nothing => attachment.trouble = None,
                        Step::Wait => {
                            attachment.up = false;
                            attachment.trouble = Some("the interface is gone".to_owned());
                        }
                        Step::Leave(found) => {
                            attachment.trouble =
                                Some(format!("another program is on it{}", holder::describe(found)));
                        }
                        Step::Attach(index) => self.attach_anew(attachments, place, index, choice),
                    }
                }
                Err(error) => {
                    tracing::debug!(interface = before.interface, %error, "the program cannot be looked for");
                    continue;
                }
            }
            let attachment = &mut attachments[place];
            attachment.present = attachment.trouble.is_none();
            say(&before, attachment);
            changed |= *attachment != before;
        }
        changed
    }

    fn attach_anew(&mut self, attachments: &mut [Attachment], place: usize, index: u32, choice: ModeChoice) {
        let clash = attachments.iter().enumerate().any(|(other, attachment)| {
            other != place && interface_slot(attachment.index) == interface_slot(index)
        });
        let attachment = &mut attachments[place];
        let result = if clash {
            Err(KernelError::InterfaceClash {
                first: attachment.interface.clone(),
                second: "another".to_owned(),
                modulus: sensor_common::counters::INTERFACE_SLOTS,
            })
        } else {
            self.attach_again(&attachment.interface, index, choice)
        };
        match result {
            Ok(again) => {
                *attachment = Attachment {
                    times_attached: attachment.times_attached + 1,
                    ..again
                };
            }
            Err(error) => attachment.trouble = Some(error.to_string()),
        }
    }
}

fn look(attachment: &Attachment) -> io::Result<(Step, Option<Interface>)> {
    let here = holder::interface(attachment.index)?;
    let by_name = sys::interface_index(&attachment.interface);
    let step = judge(attachment.program, attachment.index, here.as_ref(), by_name);
    Ok((step, here))
}

/// Takes over what may change without a loss.
fn note(attachment: &mut Attachment, here: &Interface) {
    attachment.device.clone_from(&here.name);
    attachment.up = here.up;
    if let (Some(program), Some(mode)) = (here.program, here.mode)
        && program == attachment.program
    {
        attachment.mode = mode;
    }
}

/// Says what has changed.
fn say(before: &Attachment, after: &Attachment) {
    let interface = &after.interface;
    if before.trouble != after.trouble {
        if let Some(reason) = &after.trouble {
            tracing::error!(interface, reason, "the program is not attached any more");
        } else {
            tracing::info!(interface, "the program is attached again");
        }
    } else if before.times_attached != after.times_attached {
        tracing::warn!(
            interface,
            index = after.index,
            "the program was gone, and is attached again: packets between were not counted"
        );
    }
    if before.device != after.device && !after.device.is_empty() {
        tracing::warn!(
            interface,
            now = after.device,
            "the interface was renamed; the sensor stays on it and counts under the old name"
        );
    }
    if before.up != after.up && after.trouble.is_none() {
        if after.up {
            tracing::info!(interface, "the interface is up again");
        } else {
            tracing::warn!(interface, "the interface is down: no packet arrives");
        }
    }
    if before.mode != after.mode && before.times_attached == after.times_attached {
        tracing::warn!(
            interface,
            from = before.mode.name(),
            to = after.mode.name(),
            "the mode of the program changed"
        );
    }
}

/// What an interface is like when the program has just been attached to it.
pub(super) fn first_look(name: &str, index: u32) -> (String, bool) {
    match holder::interface(index) {
        Ok(Some(here)) => (here.name, here.up),
        _ => (name.to_owned(), false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::Mode;

    const OURS: u32 = 7;
    const INDEX: u32 = 3;

    fn interface(program: Option<u32>) -> Interface {
        Interface {
            name: "rx".to_owned(),
            up: true,
            program,
            mode: Some(Mode::Native),
        }
    }

    #[test]
    fn every_state_of_an_interface_has_its_step() {
        for (what, here, by_name, expected) in [
            ("as it was", Some(Some(OURS)), Some(INDEX), Step::Nothing),
            ("renamed", Some(Some(OURS)), None, Step::Nothing),
            (
                "renamed, and the name given to another",
                Some(Some(OURS)),
                Some(9),
                Step::Nothing,
            ),
            ("taken off", Some(None), Some(INDEX), Step::Attach(INDEX)),
            (
                "replaced by somebody else",
                Some(Some(8)),
                Some(INDEX),
                Step::Leave(8),
            ),
            ("deleted", None, None, Step::Wait),
            ("deleted and made again", None, Some(9), Step::Attach(9)),
        ] {
            let here = here.map(interface);
            assert_eq!(judge(OURS, INDEX, here.as_ref(), by_name), expected, "{what}");
        }
    }

    fn attachment() -> Attachment {
        Attachment {
            interface: "rx".to_owned(),
            index: INDEX,
            mode: Mode::Native,
            reason: String::new(),
            present: true,
            program: OURS,
            device: "rx".to_owned(),
            up: true,
            trouble: None,
            times_attached: 0,
        }
    }

    #[test]
    fn a_changed_mode_a_new_name_and_a_fall_are_noted_and_another_programs_mode_is_not() {
        let mut noted = attachment();
        let here = Interface {
            name: "wan0".to_owned(),
            up: false,
            program: Some(OURS),
            mode: Some(Mode::Generic),
        };
        note(&mut noted, &here);
        assert_eq!(
            (
                noted.device.as_str(),
                noted.up,
                noted.mode,
                noted.interface.as_str()
            ),
            ("wan0", false, Mode::Generic, "rx")
        );
        let mut other = attachment();
        note(
            &mut other,
            &Interface {
                program: Some(8),
                ..here
            },
        );
        assert_eq!(other.mode, Mode::Native);
    }
}
