//! Running the program `flush` on every CPU: what lies idle in the caches leaves, and each CPU sends its marker.

use std::{
    collections::BTreeMap,
    thread,
    time::{Duration, Instant},
};

use aya::programs::{TestRun as _, TestRunOptions, Xdp};
use sensor_common::{
    counters::{FLUSH_CHUNK, FLUSH_FAILED, FLUSH_FINISH, FLUSH_MARKER_MISSED},
    names,
};

use super::{KernelError, Sensor, sys};

/// The least input that the kernel accepts for a test run of an XDP program.
const INPUT_BYTES: usize = 14;
/// How long a round waits, in all, for room in the ring. What stays then is flushed by the next round.
const ROUND_PATIENCE: Duration = Duration::from_millis(200);
/// How long each CPU waits beyond that for its marker: longer than the reader of the ring ever sleeps. Without the
/// marker the round proves nothing of that CPU.
const MARKER_PATIENCE: Duration = Duration::from_millis(50);
/// How long it takes the reader, once it is awake, to make room.
const ROOM_TAKES: Duration = Duration::from_millis(1);

/// What a round over all CPUs left behind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Flushed {
    /// Records that stay in the caches, because the ring had no room for them.
    pub stayed: u64,
    /// CPUs that were flushed.
    pub cpus: Vec<u32>,
    /// Of those, the ones whose marker found no room in the ring.
    pub unproven: Vec<u32>,
    /// CPUs that could not be, and why. A CPU that went offline keeps its cache until it is back.
    pub failed: BTreeMap<u32, String>,
}

impl Sensor {
    /// Flushes every CPU that is online. The calling thread is moved from CPU to CPU, and stays on the last: call it
    /// from a thread that does nothing else. A ring too small for all that leaves is waited for, but not for long.
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
        let deadline = Instant::now() + ROUND_PATIENCE;
        let mut flushed = Flushed::default();
        for cpu in cpus {
            match flush_cpu(program, cpu, slots, deadline) {
                Ok(left) => {
                    flushed.stayed += left.records;
                    flushed.cpus.push(cpu);
                    flushed.unproven.extend((!left.proven).then_some(cpu));
                }
                Err(cause) => {
                    flushed.failed.insert(cpu, cause);
                }
            }
        }
        Ok(flushed)
    }

    /// Flushes one CPU, and gives how many records stay in its cache because the ring has no room for them: that is not
    /// waited for. The calling thread is moved to that CPU and stays there.
    ///
    /// # Errors
    /// The program is missing, or the CPU cannot be flushed.
    pub fn flush_cpu(&mut self, cpu: u32) -> Result<u64, KernelError> {
        let slots = self.flow_slots();
        match flush_cpu(self.program(names::FLUSH)?, cpu, slots, Instant::now()) {
            Ok(left) => Ok(left.records),
            Err(cause) => Err(KernelError::Flush { cpu, cause }),
        }
    }
}

/// What stays on one CPU.
struct Left {
    records: u64,
    proven: bool,
}

fn flush_cpu(program: &Xdp, cpu: u32, slots: u32, deadline: Instant) -> Result<Left, String> {
    sys::pin_to_cpu(cpu).map_err(|error| error.to_string())?;
    let mut records = 0;
    for start in (0..slots).step_by(FLUSH_CHUNK as usize) {
        records += u64::from(run_until_empty(program, start, deadline)?);
    }
    let answer = run_until_empty(program, FLUSH_FINISH, Instant::now() + MARKER_PATIENCE)?;
    Ok(Left {
        records: records + u64::from(answer & !FLUSH_MARKER_MISSED),
        proven: answer & FLUSH_MARKER_MISSED == 0,
    })
}

/// Runs the program again while something found no room, until `deadline`. Gives the last answer.
fn run_until_empty(program: &Xdp, start: u32, deadline: Instant) -> Result<u32, String> {
    loop {
        let answer = run(program, start)?;
        if answer == 0 || Instant::now() >= deadline {
            return Ok(answer);
        }
        thread::sleep(ROOM_TAKES);
    }
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
