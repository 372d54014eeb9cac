//! What the kernel means when it refuses: from error numbers to what is wrong with this host.

use std::{error::Error, io};

use aya::{EbpfError, maps::MapError, programs::ProgramError};

use super::{KernelError, Mode, holder, sys};

/// Of an object.
pub(super) fn object_refused(error: EbpfError) -> KernelError {
    match error {
        EbpfError::MapError(MapError::CreateError { name, io_error }) => {
            if io_error.kind() == std::io::ErrorKind::PermissionDenied {
                KernelError::Privilege(format!("map `{name}`: {io_error}"))
            } else {
                KernelError::MapRefused {
                    name,
                    source: io_error,
                }
            }
        }
        error => KernelError::Load(error),
    }
}

/// The verifier's log is thousands of lines long: its end says what is wrong, the rest goes to the debug log.
pub(super) fn program_refused(name: &'static str, error: ProgramError) -> KernelError {
    const LAST_LINES: usize = 8;
    let ProgramError::LoadError {
        io_error,
        verifier_log,
    } = &error
    else {
        return KernelError::Program {
            name,
            source: Box::new(error),
        };
    };
    let log = verifier_log.to_string();
    if io_error.kind() == std::io::ErrorKind::PermissionDenied {
        if log.is_empty() {
            return KernelError::Privilege(format!("program `{name}`: {io_error}"));
        }
        // Without it the verifier holds the program to the rules for unprivileged ones, whatever its log says.
        if !sys::has_performance_monitoring() {
            let text =
                format!("program `{name}`: {io_error}, as without CAP_PERFMON the verifier is stricter");
            return KernelError::Privilege(text);
        }
    }
    tracing::debug!(name, log, "the verifier's whole log");
    let lines: Vec<&str> = log.lines().collect();
    KernelError::Refused {
        name,
        cause: io_error.to_string(),
        log: lines[lines.len().saturating_sub(LAST_LINES)..].join("\n"),
    }
}

/// A refused attachment.
pub(super) struct Refusal {
    errno: Option<i32>,
    text: String,
}

impl Refusal {
    /// What the system said, somewhere down the chain of causes.
    pub(super) fn of(error: &(dyn Error + 'static)) -> Self {
        Self {
            errno: errno_of(error),
            text: innermost(error),
        }
    }

    /// Whether the driver may take the program for frames in several buffers.
    pub(super) fn asks_for_frags(&self) -> bool {
        matches!(self.errno, Some(libc::ERANGE | libc::EOPNOTSUPP))
    }

    pub(super) fn explain(self, interface: &str, index: u32, mode: Mode) -> KernelError {
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

/// The system's error number, somewhere down the chain of causes.
fn errno_of(error: &(dyn Error + 'static)) -> Option<i32> {
    let mut cause = Some(error);
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
pub(super) fn innermost(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = error.to_string();
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_map_says_whether_privilege_or_memory_is_missing() {
        for (errno, parts) in [
            (libc::EPERM, ["`RECORDS`", "Operation not permitted", "CAP_BPF"]),
            (
                libc::ENOMEM,
                [
                    "`RECORDS`",
                    "Cannot allocate memory",
                    "smaller `kernel.ring_size`",
                ],
            ),
            (
                libc::E2BIG,
                [
                    "`RECORDS`",
                    "Argument list too long",
                    "smaller `kernel.flow_slots`",
                ],
            ),
        ] {
            let error = object_refused(EbpfError::MapError(MapError::CreateError {
                name: "RECORDS".to_owned(),
                io_error: std::io::Error::from_raw_os_error(errno),
            }));
            let said = error.to_string();
            for part in parts {
                assert!(said.contains(part), "no {part} in {said}");
            }
        }
    }
}
