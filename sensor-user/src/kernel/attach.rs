//! Attaching to interfaces: which mode was taken, and why.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use aya::programs::{
    Xdp,
    links::{FdLink, LinkError, PinnedLink as AyaPinnedLink},
    xdp::XdpLink,
};
use sensor_common::{
    counters::{INTERFACE_SLOTS, interface_slot},
    names,
};

use super::{
    KernelError, Mode, ModeChoice, Sensor, pins::PinnedLink, refusal::Refusal, sys, watchdog::first_look,
};

/// The program on an interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attachment {
    /// The interface's name, as the operator gave it.
    pub interface: String,
    /// Its index.
    pub index: u32,
    /// The mode that was taken.
    pub mode: Mode,
    /// Why it was taken.
    pub reason: String,
    /// Whether it was there when it was last looked for.
    pub present: bool,
    /// The program's number in the kernel.
    pub program: u32,
    /// The interface's name now.
    pub device: String,
    /// Whether it is set up.
    pub up: bool,
    /// Why the program is not there, where it is not.
    pub trouble: Option<String>,
    /// How often it was attached again.
    pub times_attached: u64,
}

/// A program on an interface, as it is held.
pub(super) struct Link {
    interface: String,
    index: u32,
    /// Dropped, it takes the program off, unless it is pinned.
    #[expect(dead_code, reason = "it is held, not used")]
    held: XdpLink,
    pin: Option<PathBuf>,
    /// Whether it was there before this daemon.
    adopted: bool,
}

impl Sensor {
    /// Attaches the program to every interface, or to none. An attachment that an earlier daemon left is adopted: its
    /// program is replaced in one step, and no packet comes between. One on an interface that is not named any more is
    /// taken off.
    ///
    /// # Errors
    /// An interface does not exist, holds another program, or has no such mode.
    pub fn attach(
        &mut self,
        interfaces: &[String],
        choice: ModeChoice,
    ) -> Result<Vec<Attachment>, KernelError> {
        let interfaces = interfaces
            .iter()
            .map(|name| Ok((name.clone(), interface_index(name)?)))
            .collect::<Result<Vec<_>, KernelError>>()?;
        refuse_clash(&interfaces)?;
        let mut found = match &self.pins {
            Some(pins) => pins.links()?,
            None => Vec::new(),
        };
        let mut attachments = Vec::new();
        for (name, index) in interfaces {
            let pinned = found.iter().position(|link| link.index == index);
            let pinned = pinned.map(|place| found.swap_remove(place));
            match self.attach_or_adopt(&name, index, choice, pinned) {
                Ok(attachment) => attachments.push(attachment),
                Err(error) => {
                    self.detach_new();
                    return Err(error);
                }
            }
        }
        for link in found {
            take_off(&link);
        }
        Ok(attachments)
    }

    /// Attaches the program once more to an interface that lost it, or that was made anew under the number `index`.
    ///
    /// # Errors
    /// As [`Self::attach`].
    pub fn attach_again(
        &mut self,
        name: &str,
        index: u32,
        choice: ModeChoice,
    ) -> Result<Attachment, KernelError> {
        self.let_go(name);
        self.attach_one(name, index, choice)
    }

    /// Lets go of the link to an interface, which is dead.
    fn let_go(&mut self, name: &str) {
        for link in self.links.extract_if(.., |link| link.interface == name) {
            remove_pin(&link);
        }
    }

    /// Takes the program off every interface, pinned or not.
    pub fn detach(&mut self) {
        for link in self.links.drain(..) {
            remove_pin(&link);
        }
    }

    /// Takes the program off where this daemon brought it.
    fn detach_new(&mut self) {
        for link in self.links.extract_if(.., |link| !link.adopted) {
            remove_pin(&link);
        }
    }

    fn attach_or_adopt(
        &mut self,
        name: &str,
        index: u32,
        choice: ModeChoice,
        pinned: Option<PinnedLink>,
    ) -> Result<Attachment, KernelError> {
        let Some(pinned) = pinned else {
            return self.attach_one(name, index, choice);
        };
        let mode = match pinned.mode {
            Some(mode) if pinned.attached => mode,
            _ => return Err(KernelError::LinkElsewhere { path: pinned.path }),
        };
        let wanted = match choice {
            ModeChoice::Auto => mode,
            ModeChoice::Native => Mode::Native,
            ModeChoice::Generic => Mode::Generic,
        };
        if mode != wanted {
            tracing::warn!(
                interface = name,
                from = mode.name(),
                to = wanted.name(),
                "the mode changes: the program is taken off and attached anew, and packets between are not counted"
            );
            take_off(&pinned);
            return self.attach_one(name, index, choice);
        }
        let program = self.adopt(name, index, mode, &pinned.path)?;
        self.attachment(name, index, mode, "adopted from the daemon before", program)
    }

    /// Puts the program in the place of the one that is attached by a pinned link; says which.
    fn adopt(&mut self, name: &str, index: u32, mode: Mode, pin: &Path) -> Result<&'static str, KernelError> {
        let refusal = match self.replace(names::PROGRAM, name, index, pin) {
            Ok(()) => return Ok(names::PROGRAM),
            Err(refusal) => refusal,
        };
        if refusal.asks_for_frags() && self.replace(names::PROGRAM_FRAGS, name, index, pin).is_ok() {
            return Ok(names::PROGRAM_FRAGS);
        }
        Err(refusal.explain(name, index, mode))
    }

    fn replace(&mut self, program: &'static str, name: &str, index: u32, pin: &Path) -> Result<(), Refusal> {
        let link = AyaPinnedLink::from_pin(pin).map_err(|error| Refusal::of(&error))?;
        let link = XdpLink::try_from(FdLink::from(link)).map_err(|error| Refusal::of(&error))?;
        let xdp = self.program(program).map_err(|error| Refusal::of(&error))?;
        let id = xdp.attach_to_link(link).map_err(|error| Refusal::of(&error))?;
        let link = xdp.take_link(id).map_err(|error| Refusal::of(&error))?;
        self.links.push(Link {
            interface: name.to_owned(),
            index,
            held: link,
            pin: Some(pin.to_owned()),
            adopted: true,
        });
        Ok(())
    }

    fn attach_one(&mut self, name: &str, index: u32, choice: ModeChoice) -> Result<Attachment, KernelError> {
        let (mode, reason) = match choice {
            ModeChoice::Generic => (Mode::Generic, "asked for".to_owned()),
            ModeChoice::Native => (Mode::Native, "asked for".to_owned()),
            ModeChoice::Auto => match self.attach_as(name, index, Mode::Native) {
                Ok(program) => {
                    return self.attachment(name, index, Mode::Native, "the driver supports it", program);
                }
                Err(KernelError::NoNative { cause, .. }) => {
                    (Mode::Generic, format!("native is not possible: {cause}"))
                }
                Err(error) => return Err(error),
            },
        };
        let program = self.attach_as(name, index, mode)?;
        self.attachment(name, index, mode, &reason, program)
    }

    fn attachment(
        &mut self,
        interface: &str,
        index: u32,
        mode: Mode,
        reason: &str,
        program: &'static str,
    ) -> Result<Attachment, KernelError> {
        let info = self.program(program)?.info();
        let info = info.map_err(|error| KernelError::Program {
            name: program,
            source: Box::new(error),
        })?;
        let (device, up) = first_look(interface, index);
        let several_buffers = ", with frames in several buffers as the MTU needs them";
        Ok(Attachment {
            interface: interface.to_owned(),
            index,
            mode,
            reason: match program {
                names::PROGRAM_FRAGS => format!("{reason}{several_buffers}"),
                _ => reason.to_owned(),
            },
            present: true,
            program: info.id(),
            device,
            up,
            trouble: None,
            times_attached: 0,
        })
    }

    /// Attaches the plain program, or the one for several buffers where the driver asks for it; says which.
    fn attach_as(&mut self, name: &str, index: u32, mode: Mode) -> Result<&'static str, KernelError> {
        let refusal = match attach_program(self.program(names::PROGRAM)?, index, mode) {
            Ok(link) => {
                self.keep(name, index, link)?;
                return Ok(names::PROGRAM);
            }
            Err(refusal) => refusal,
        };
        // A frame larger than a page needs the other entry point (Linux 5.18); older kernels refuse to load it.
        if refusal.asks_for_frags()
            && let Ok(frags) = self.program(names::PROGRAM_FRAGS)
            && let Ok(link) = attach_program(frags, index, mode)
        {
            self.keep(name, index, link)?;
            return Ok(names::PROGRAM_FRAGS);
        }
        Err(refusal.explain(name, index, mode))
    }

    /// Keeps a new link, and pins it where links are pinned.
    fn keep(&mut self, interface: &str, index: u32, link: XdpLink) -> Result<(), KernelError> {
        let (held, pin) = match &self.pins {
            Some(pins) => {
                let path = pins.link(index);
                (pin_link(link, &path)?, Some(path))
            }
            None => (link, None),
        };
        self.ledger().name_interface(interface_slot(index), interface);
        self.links.push(Link {
            interface: interface.to_owned(),
            index,
            held,
            pin,
            adopted: false,
        });
        Ok(())
    }
}

/// Pins a link; whatever dead link had its place is gone then.
fn pin_link(link: XdpLink, path: &Path) -> Result<XdpLink, KernelError> {
    let failed = |source| KernelError::Pin {
        path: path.to_owned(),
        source: Box::new(source),
    };
    let unlinked = |error: LinkError| KernelError::PinFolder {
        path: path.to_owned(),
        source: io::Error::other(error.to_string()),
    };
    match fs::remove_file(path) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => {
            return Err(KernelError::PinFolder {
                path: path.to_owned(),
                source,
            });
        }
        _ => {}
    }
    let link = FdLink::try_from(link).map_err(unlinked)?;
    let pinned = link.pin(path).map_err(failed)?;
    XdpLink::try_from(FdLink::from(pinned)).map_err(unlinked)
}

fn remove_pin(link: &Link) {
    let Some(pin) = &link.pin else { return };
    if let Err(error) = fs::remove_file(pin) {
        tracing::warn!(
            interface = link.interface,
            index = link.index,
            pin = %pin.display(),
            %error,
            "the pin of a link cannot be removed"
        );
    }
}

/// Takes off what is attached by a pinned link alone.
fn take_off(link: &PinnedLink) {
    let interface = link.interface.as_deref().unwrap_or("one that is gone");
    match fs::remove_file(&link.path) {
        Ok(()) => tracing::info!(
            interface,
            index = link.index,
            "an attachment of an earlier daemon is taken off"
        ),
        Err(error) => tracing::warn!(interface, %error, "the pin of a link cannot be removed"),
    }
}

/// The interface's index.
///
/// # Errors
/// There is no such interface.
pub fn interface_index(name: &str) -> Result<u32, KernelError> {
    let unknown = || KernelError::NoSuchInterface(name.to_owned());
    // A name with a slash or a NUL is no interface, and no path to follow either.
    if name.is_empty() || name.len() >= libc::IFNAMSIZ || name.contains(['/', '\0']) || name.starts_with('.')
    {
        return Err(unknown());
    }
    sys::interface_index(name).ok_or_else(unknown)
}

fn refuse_clash(interfaces: &[(String, u32)]) -> Result<(), KernelError> {
    for (place, (first, index)) in interfaces.iter().enumerate() {
        for (second, other) in &interfaces[place + 1..] {
            if index == other {
                return Err(KernelError::SameInterface {
                    first: first.clone(),
                    second: second.clone(),
                });
            }
            if interface_slot(*index) == interface_slot(*other) {
                return Err(KernelError::InterfaceClash {
                    first: first.clone(),
                    second: second.clone(),
                    modulus: INTERFACE_SLOTS,
                });
            }
        }
    }
    Ok(())
}

fn attach_program(program: &mut Xdp, index: u32, mode: Mode) -> Result<XdpLink, Refusal> {
    program
        .attach_to_if_index(index, mode.to_aya())
        .and_then(|id| program.take_link(id))
        .map_err(|error| Refusal::of(&error))
}
