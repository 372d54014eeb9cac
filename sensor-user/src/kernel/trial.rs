//! Trying the program on a frame without a network: what the kernel really does with these bytes.

use aya::programs::{TestRun as _, TestRunOptions};
use sensor_common::{Verdict, names};

use super::{KernelError, Sensor};

/// The numbers of `enum xdp_action` that the program may answer.
const XDP_DROP: u32 = 1;
const XDP_PASS: u32 = 2;

/// Which entry point is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryPoint {
    /// For frames in one buffer.
    Plain,
    /// For frames that may lie in several; Linux 5.18.
    Frags,
}

impl EntryPoint {
    const fn name(self) -> &'static str {
        match self {
            Self::Plain => names::PROGRAM,
            Self::Frags => names::PROGRAM_FRAGS,
        }
    }
}

impl Sensor {
    /// Runs the program on a frame, on the CPU that this thread is on. The counters move as for any packet.
    ///
    /// # Errors
    /// The kernel refuses the run (it wants 14 bytes at least), or the program answers what it never may.
    pub fn try_frame(&mut self, entry: EntryPoint, frame: &[u8]) -> Result<Verdict, KernelError> {
        let name = entry.name();
        let program = self.program(name)?;
        let mut options = TestRunOptions::new();
        options.data_in = Some(frame);
        let result = program.test_run(options).map_err(|source| KernelError::Program {
            name,
            source: Box::new(source),
        })?;
        match result.return_value {
            XDP_PASS => Ok(Verdict::Pass),
            XDP_DROP => Ok(Verdict::Drop),
            other => Err(KernelError::Answer { name, answer: other }),
        }
    }

    /// Instructions that the verifier went through for a program.
    ///
    /// # Errors
    /// The program cannot be loaded, or the kernel (before 5.16) does not say.
    pub fn verified_instructions(&mut self, name: &'static str) -> Result<Option<u32>, KernelError> {
        let program = self.program(name)?;
        let info = program.info().map_err(|source| KernelError::Program {
            name,
            source: Box::new(source),
        })?;
        Ok(info.verified_instruction_count())
    }
}
