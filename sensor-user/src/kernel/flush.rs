//! Running the program `flush` on every CPU: what lies idle in the caches leaves, and each CPU sends its marker.

use std::collections::BTreeMap;

use aya::programs::{TestRun as _, TestRunOptions, Xdp};
use sensor_common::{
    counters::{FLUSH_CHUNK, FLUSH_FAILED, FLUSH_FINISH},
    names,
};

use super::{KernelError, Sensor, sys};

/// The least input that the kernel accepts for a test run of an XDP program.
const INPUT_BYTES: usize = 14;

/// What a round over all CPUs left behind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Flushed {
    /// Records that stay in the caches, because the ring had no room for them.
    pub stayed: u64,
    /// CPUs that were flushed.
    pub cpus: Vec<u32>,
    /// CPUs that could not be, and why. A CPU that went offline keeps its cache until it is back.
    pub failed: BTreeMap<u32, String>,
}

impl Sensor {
    /// Flushes every CPU that is online. The calling thread is moved from CPU to CPU, and stays on the last: call it
    /// from a thread that does nothing else.
    ///
    /// # Errors
    /// The program is missing, or the system does not say which CPUs are online. A CPU that fails alone is named in
    /// the answer.
    pub fn flush(&mut self) -> Result<Flushed, KernelError> {
        let slots = self.flow_slots();
        let program = &*self.program(names::FLUSH)?;
        let cpus = aya::util::online_cpus().map_err(|(path, source)| KernelError::System {
            path: path.into(),
            source,
        })?;
        let mut flushed = Flushed::default();
        for cpu in cpus {
            match flush_cpu(program, cpu, slots) {
                Ok(stayed) => {
                    flushed.stayed += stayed;
                    flushed.cpus.push(cpu);
                }
                Err(cause) => {
                    flushed.failed.insert(cpu, cause);
                }
            }
        }
        Ok(flushed)
    }
}

fn flush_cpu(program: &Xdp, cpu: u32, slots: u32) -> Result<u64, String> {
    sys::pin_to_cpu(cpu).map_err(|error| error.to_string())?;
    let mut stayed = 0;
    for start in (0..slots).step_by(FLUSH_CHUNK as usize) {
        stayed += u64::from(run(program, start)?);
    }
    stayed += u64::from(run(program, FLUSH_FINISH)?);
    Ok(stayed)
}

fn run(program: &Xdp, start: u32) -> Result<u32, String> {
    let mut input = [0; INPUT_BYTES];
    for (place, octet) in input.iter_mut().zip(start.to_le_bytes()) {
        *place = octet;
    }
    let mut options = TestRunOptions::new();
    options.data_in = Some(&input);
    match program.test_run(options) {
        Ok(result) if result.return_value == FLUSH_FAILED => {
            Err("the program could not reach its maps".into())
        }
        Ok(result) => Ok(result.return_value),
        Err(error) => Err(error.to_string()),
    }
}
