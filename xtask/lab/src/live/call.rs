//! Calling another program instead of sending: what one packet costs in it, without anything on the way.

use std::time::Duration;

use aya::{
    maps::ProgramArray,
    programs::{ProgramError, ProgramFd, TestRun as _, TestRunOptions},
};
use sensor_common::generator::{BARE_DROP, CALL_SINGLE, CALL_UNIFORM, Profile, TARGET};

use super::{Generator, LiveError, generator::template};

/// The verdict `XDP_DROP` (Linux, include/uapi/linux/bpf.h).
const XDP_DROP: u32 = 1;
/// What the frames are like that a program is called with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// All of one flow: [`Profile::Single`].
    Single,
    /// Each of another: [`Profile::Uniform`].
    Uniform,
}

impl Call {
    const fn program(self) -> &'static str {
        match self {
            Self::Single => CALL_SINGLE,
            Self::Uniform => CALL_UNIFORM,
        }
    }
}

impl Generator {
    /// Has [`Self::call`] go on to this program.
    ///
    /// # Errors
    /// The kernel does not let the two programs be joined.
    pub fn set_target(&mut self, program: &ProgramFd) -> Result<(), LiveError> {
        let map = self.ebpf.map_mut(TARGET).ok_or(LiveError::Missing(TARGET))?;
        let mut target: ProgramArray<_> = map.try_into().map_err(LiveError::map(TARGET))?;
        target.set(0, program, 0).map_err(LiveError::map(TARGET))
    }

    /// A program that [`Self::set_target`] takes: it drops and does nothing else.
    ///
    /// # Errors
    /// None once the generator is loaded.
    pub fn bare_drop(&self) -> Result<ProgramFd, LiveError> {
        let program = self.program(BARE_DROP)?;
        let refused = |source| LiveError::Program {
            name: BARE_DROP,
            source: Box::new(source),
        };
        let clone = program.fd().map_err(refused)?.try_clone();
        clone.map_err(|source| refused(ProgramError::IOError(source)))
    }

    /// Hands `frames` frames, made as ever but sent nowhere, to the program that was set, on this thread's CPU. Gives
    /// the time that one takes, making it included, as the kernel measures it.
    ///
    /// # Errors
    /// The kernel refuses, or the program's answer is not to drop.
    pub fn call(&self, frames: Call, count: u32) -> Result<Duration, LiveError> {
        let name = frames.program();
        let mut options = TestRunOptions::new();
        let template = template(Profile::Single);
        options.data_in = Some(&template);
        options.repeat = count;
        match self.program(name)?.test_run(options) {
            Ok(result) if result.return_value == XDP_DROP => Ok(result.duration),
            Ok(_) => Err(LiveError::NotCalled(name)),
            Err(source) => Err(LiveError::Program {
                name,
                source: Box::new(source),
            }),
        }
    }
}
