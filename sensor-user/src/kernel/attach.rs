//! Attaching to interfaces: which mode was taken, and why.

use std::{error::Error as _, fmt, io};

use aya::programs::{
    ProgramError, Xdp,
    xdp::{XdpLinkId, XdpMode},
};
use sensor_common::{
    counters::{INTERFACE_SLOTS, interface_slot},
    names,
};
use serde::{Deserialize, Serialize};

use super::{KernelError, Sensor, holder, sys};

/// Where in the host's network path the program runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// In the driver, before the kernel spends anything on the packet.
    Native,
    /// In the network stack: works everywhere, costs more.
    Generic,
}

impl Mode {
    /// The name in snapshots and metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::Generic => "generic",
        }
    }

    const fn to_aya(self) -> XdpMode {
        match self {
            Self::Native => XdpMode::Driver,
            Self::Generic => XdpMode::Skb,
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Which mode the operator asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum ModeChoice {
    /// Native, and nothing else.
    Native,
    /// Generic, and nothing else.
    Generic,
    /// Native where it is possible, else generic.
    #[default]
    Auto,
}

/// The program on an interface.
#[derive(Clone, Debug)]
pub struct Attachment {
    /// The interface's name.
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
}

impl Attachment {
    /// Looks whether the program is still there: an interface may be deleted, and one of the same name that comes
    /// back has no program.
    ///
    /// # Errors
    /// The kernel does not say; what was known before stays.
    pub fn look(&mut self) -> io::Result<()> {
        self.present = match holder::program_on(self.index) {
            Ok(program) => program == Some(self.program),
            Err(error) if error.raw_os_error() == Some(libc::ENODEV) => false,
            Err(error) => return Err(error),
        };
        Ok(())
    }
}

/// A program on an interface, as it is taken off.
pub(super) struct Link {
    program: &'static str,
    interface: String,
    id: XdpLinkId,
}

impl Sensor {
    /// Attaches the program to every interface, or to none.
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
        let mut attachments = Vec::new();
        for (name, index) in interfaces {
            match self.attach_one(&name, index, choice) {
                Ok(attachment) => attachments.push(attachment),
                Err(error) => {
                    self.detach()?;
                    return Err(error);
                }
            }
        }
        Ok(attachments)
    }

    /// Takes the program off every interface.
    ///
    /// # Errors
    /// The program is missing from the object. An interface that is gone needs no detaching.
    pub fn detach(&mut self) -> Result<(), KernelError> {
        for link in std::mem::take(&mut self.links) {
            if let Err(error) = self.program(link.program)?.detach(link.id) {
                tracing::warn!(interface = link.interface, %error, "the program could not be taken off");
            }
        }
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
        })
    }

    /// Attaches the plain program, or the one for several buffers where the driver asks for it; says which.
    fn attach_as(&mut self, name: &str, index: u32, mode: Mode) -> Result<&'static str, KernelError> {
        let refusal = match attach_program(self.program(names::PROGRAM)?, index, mode) {
            Ok(id) => {
                self.keep(names::PROGRAM, name, id);
                return Ok(names::PROGRAM);
            }
            Err(refusal) => refusal,
        };
        // A frame larger than a page needs the other entry point (Linux 5.18); older kernels refuse to load it.
        if matches!(refusal.errno, Some(libc::ERANGE | libc::EOPNOTSUPP))
            && let Ok(frags) = self.program(names::PROGRAM_FRAGS)
            && let Ok(id) = attach_program(frags, index, mode)
        {
            self.keep(names::PROGRAM_FRAGS, name, id);
            return Ok(names::PROGRAM_FRAGS);
        }
        Err(refusal.explain(name, index, mode))
    }

    fn keep(&mut self, program: &'static str, interface: &str, id: XdpLinkId) {
        self.links.push(Link {
            program,
            interface: interface.to_owned(),
            id,
        });
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

/// A refused attachment.
struct Refusal {
    errno: Option<i32>,
    text: String,
}

impl Refusal {
    fn explain(self, interface: &str, index: u32, mode: Mode) -> KernelError {
        let interface = interface.to_owned();
        match (self.errno, mode) {
            (Some(libc::EBUSY | libc::EEXIST), _) => match holder::program_on(index) {
                // Busy, but not by a program on this very interface: no word of ours would be right.
                Ok(None) => KernelError::Attach {
                    interface,
                    mode,
                    cause: self.text,
                },
                Ok(Some(program)) => KernelError::ForeignProgram {
                    interface,
                    program: holder::describe(program),
                },
                Err(error) => {
                    tracing::debug!(%error, "the program on the interface cannot be told");
                    KernelError::ForeignProgram {
                        interface,
                        program: String::new(),
                    }
                }
            },
            (Some(libc::EPERM | libc::EACCES), _) => KernelError::Privilege(self.text),
            (Some(libc::ENODEV | libc::ENXIO), _) => KernelError::NoSuchInterface(interface),
            (Some(libc::ERANGE), Mode::Native) => KernelError::NoNative {
                interface,
                cause: self.text,
                cure: "lower the interface's MTU, or use `--mode generic`".into(),
            },
            (Some(libc::ENOSPC), Mode::Native) => KernelError::NoNative {
                interface,
                cause: format!("{}: the interface has too few receive queues for XDP", self.text),
                cure: "give it more (`ethtool -L`; a veth at its making, by `numrxqueues`), or use `--mode generic`"
                    .into(),
            },
            (Some(libc::EOPNOTSUPP | libc::EINVAL | libc::ENOMEM), Mode::Native) => {
                KernelError::NoNative {
                    interface,
                    cause: self.text,
                    cure: "use `--mode generic`, or `--mode auto`, which does so by itself".into(),
                }
            }
            _ => KernelError::Attach {
                interface,
                mode,
                cause: self.text,
            },
        }
    }
}

fn attach_program(program: &mut Xdp, index: u32, mode: Mode) -> Result<XdpLinkId, Refusal> {
    program
        .attach_to_if_index(index, mode.to_aya())
        .map_err(|error| Refusal {
            errno: errno_of(&error),
            text: innermost(&error),
        })
}

/// The system's error number, somewhere down the chain of causes.
fn errno_of(error: &ProgramError) -> Option<i32> {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if let Some(number) = error
            .downcast_ref::<io::Error>()
            .and_then(io::Error::raw_os_error)
        {
            return Some(number);
        }
        if let Some(ProgramError::SyscallError(call)) = error.downcast_ref::<ProgramError>() {
            return call.io_error.raw_os_error();
        }
        cause = error.source();
    }
    None
}

/// The words of the innermost cause.
fn innermost(error: &ProgramError) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = error.to_string();
        cause = error.source();
    }
    text
}
