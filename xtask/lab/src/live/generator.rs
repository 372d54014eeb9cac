//! The handle on the generator: load it, aim it, run it, read its counts.

use std::{
    net::Ipv4Addr,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use aya::{
    Ebpf, EbpfLoader,
    maps::{PerCpuArray, xdp::DevMap},
    programs::{ProgramError, TestRun as _, TestRunAttrs, TestRunOptions, Xdp, xdp::XdpMode},
};
use sensor_common::{
    counters::PORT_COUNT,
    generator::{
        BARE_DROP, BOOKS, CALL_SINGLE, CALL_UNIFORM, COUNT_PORTS, DARK_V4, DEVICES, PORT_BOOKS, PortBooks,
        Profile,
    },
};

use super::{
    LiveError, Truth,
    cpu::{pin, waited_for_cpu},
};
use crate::frames::{Edit as _, Ipv4, Tcp};

/// Frames to a batch: what the kernel takes in one go, and a veth's queue holds four times.
const BATCH: u32 = 64;
/// Frames to one system call: short enough to be interrupted within a fraction of a second. Whole batches.
const FRAMES_A_CALL: u32 = 7_800 * BATCH;
const _: () = assert!(FRAMES_A_CALL <= 500_000);
/// Octets of a frame that holds IPv4 or IPv6 with TCP.
const MIXED_FRAME_BYTES: usize = 14 + 40 + 20;
const WORDS_OF_BOOKS: usize = 4;
const WORDS_OF_PORT_BOOKS: usize = 2;

/// Whether frames are counted by destination port too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PortCounts {
    /// For exact tests.
    Kept,
    /// For benchmarks: the table costs the generator some nanoseconds a frame.
    Left,
}

/// How a load went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Run {
    /// From the first frame to the last.
    pub time: Duration,
    /// How long the generating threads, all together, had to wait for their CPUs because something else ran there.
    pub waited: Duration,
}

/// The loaded generator. Frames end in it until it is aimed. Dropping it takes its programs off every interface.
#[derive(Debug)]
pub struct Generator {
    pub(super) ebpf: Ebpf,
    port_counts: PortCounts,
}

impl Generator {
    /// Loads the object file, and every program in it.
    ///
    /// # Errors
    /// It is missing, or the kernel refuses it.
    pub fn load(object: &Path, port_counts: PortCounts) -> Result<Self, LiveError> {
        let count_ports = u32::from(port_counts == PortCounts::Kept);
        let ebpf = EbpfLoader::new()
            .override_global(COUNT_PORTS, &count_ports, true)
            .load_file(object)
            .map_err(|source| LiveError::Load {
                path: object.to_owned(),
                source: Box::new(source),
            })?;
        let mut generator = Self { ebpf, port_counts };
        let names = Profile::ALL.map(Profile::program);
        for name in names.into_iter().chain([BARE_DROP, CALL_SINGLE, CALL_UNIFORM]) {
            let program = generator.program_mut(name)?;
            program.load().map_err(|source| LiveError::Program {
                name,
                source: Box::new(source),
            })?;
        }
        Ok(generator)
    }

    /// Sends what is generated on `cpu` from now on through the interface with this index, which must be up. To be
    /// called within the interface's network namespace.
    ///
    /// # Errors
    /// There is no such interface, or no such CPU.
    pub fn aim(&mut self, cpu: u32, interface: u32) -> Result<(), LiveError> {
        let map = self.ebpf.map_mut(DEVICES).ok_or(LiveError::Missing(DEVICES))?;
        let mut devices: DevMap<_> = map.try_into().map_err(LiveError::map(DEVICES))?;
        devices
            .set(cpu, interface, None, 0)
            .map_err(LiveError::map(DEVICES))
    }

    /// Attaches the program that drops and does nothing else, natively. To be called within the interface's network
    /// namespace. It stays until the generator is dropped.
    ///
    /// # Errors
    /// The interface has a program already, or its driver takes none.
    pub fn attach_bare_drop(&mut self, interface: u32) -> Result<(), LiveError> {
        self.program_mut(BARE_DROP)?
            .attach_to_if_index(interface, XdpMode::Driver)
            .map(drop)
            .map_err(|source| LiveError::Program {
                name: BARE_DROP,
                source: Box::new(source),
            })
    }

    /// Generates `frames` frames, an equal part on each of `cpus`, by a thread that stays on it. `progress` is told
    /// now and then how many more there are.
    ///
    /// # Errors
    /// The kernel refuses, or a signal interrupts: what was generated until then is counted as ever.
    pub fn generate(
        &self,
        profile: Profile,
        frames: u64,
        cpus: &[u32],
        progress: impl Fn(u64) + Sync,
    ) -> Result<Run, LiveError> {
        let program = self.program(profile.program())?;
        let template = template(profile);
        let share = frames / cpus.len().max(1) as u64;
        let rest = frames - share * cpus.len() as u64;
        let (template, progress) = (template.as_slice(), &progress);
        let begun = Instant::now();
        let waited = thread::scope(|scope| {
            let threads: Vec<_> = cpus
                .iter()
                .enumerate()
                .map(|(place, &cpu)| {
                    let frames = if place == 0 { share + rest } else { share };
                    scope.spawn(move || {
                        pin(cpu)?;
                        let before = waited_for_cpu();
                        run(program, profile, template, frames, cpu, progress)?;
                        Ok(waited_for_cpu().saturating_sub(before))
                    })
                })
                .collect();
            threads
                .into_iter()
                .map(|thread| match thread.join() {
                    Ok(waited) => waited,
                    Err(panic) => std::panic::resume_unwind(panic),
                })
                .sum::<Result<Duration, LiveError>>()
        })?;
        Ok(Run {
            time: begun.elapsed(),
            waited,
        })
    }

    /// What was generated since the generator was loaded.
    ///
    /// # Errors
    /// A map cannot be read.
    pub fn truth(&self) -> Result<Truth, LiveError> {
        let mut truth = Truth::default();
        for profile in Profile::ALL {
            let each_cpu = self.words::<WORDS_OF_BOOKS>(BOOKS, profile as u32)?;
            truth.frames_by_cpu.resize(each_cpu.len(), 0);
            for (sum, [_random, frames, mirai, ipv6]) in truth.frames_by_cpu.iter_mut().zip(each_cpu) {
                *sum += frames;
                truth.mirai += mirai;
                truth.ipv6 += ipv6;
            }
        }
        if self.port_counts == PortCounts::Kept {
            truth.ports = Some(self.ports()?);
        }
        Ok(truth)
    }

    fn ports(&self) -> Result<Vec<PortBooks>, LiveError> {
        let mut ports = vec![PortBooks::default(); PORT_COUNT];
        for (number, port) in (0..).zip(&mut ports) {
            for [frames, mirai] in self.words::<WORDS_OF_PORT_BOOKS>(PORT_BOOKS, number)? {
                port.frames += frames;
                port.mirai += mirai;
            }
        }
        Ok(ports)
    }

    /// One value of a per-CPU array, by CPU.
    fn words<const N: usize>(&self, name: &'static str, index: u32) -> Result<Vec<[u64; N]>, LiveError>
    where
        [u64; N]: aya::Pod,
    {
        let map = self.ebpf.map(name).ok_or(LiveError::Missing(name))?;
        let map: PerCpuArray<_, [u64; N]> = map.try_into().map_err(LiveError::map(name))?;
        let values = map.get(&index, 0).map_err(LiveError::map(name))?;
        Ok(values.iter().copied().collect())
    }

    pub(super) fn program(&self, name: &'static str) -> Result<&Xdp, LiveError> {
        let program = self.ebpf.program(name).ok_or(LiveError::Missing(name))?;
        program.try_into().map_err(|_| LiveError::Missing(name))
    }

    fn program_mut(&mut self, name: &'static str) -> Result<&mut Xdp, LiveError> {
        let program = self.ebpf.program_mut(name).ok_or(LiveError::Missing(name))?;
        program.try_into().map_err(|_| LiveError::Missing(name))
    }
}

/// Runs a program for exactly `frames` frames. The kernel goes by whole batches, so the rest is a batch of its own.
fn run(
    program: &Xdp,
    profile: Profile,
    template: &[u8],
    frames: u64,
    cpu: u32,
    progress: &impl Fn(u64),
) -> Result<(), LiveError> {
    let mut left = frames;
    while left > 0 {
        let most = u32::try_from(left).unwrap_or(FRAMES_A_CALL).min(FRAMES_A_CALL);
        let count = if most > BATCH { most - most % BATCH } else { most };
        let mut options = TestRunOptions::new();
        options.data_in = Some(template);
        options.repeat = count;
        options.attrs = TestRunAttrs::new().xdp_live_frames(count.min(BATCH));
        program
            .test_run(options)
            .map_err(|source: ProgramError| LiveError::Run {
                name: profile.program(),
                cpu,
                source: Box::new(source),
            })?;
        left -= u64::from(count);
        progress(u64::from(count));
    }
    Ok(())
}

/// The frame that the generator begins with; see its source for what it writes anew.
pub(super) fn template(profile: Profile) -> Vec<u8> {
    let frame = Ipv4::to(Ipv4Addr::from_bits(DARK_V4)).frame(Tcp::syn(0)).padded();
    match profile {
        Profile::Ipv6Mix => frame.with(MIXED_FRAME_BYTES - 1, &[0]),
        _ => frame,
    }
}

#[cfg(test)]
mod tests {
    use sensor_common::{Family, ToolSet, classify::classify_ethernet};

    use super::*;
    use crate::{network::DARK_PREFIX, watched::Prefixes};

    #[test]
    fn the_templates_are_scans_of_the_dark_prefix_without_a_mark() {
        let dark = Prefixes::parse(&[DARK_PREFIX]).unwrap();
        for profile in Profile::ALL {
            let frame = template(profile);
            let observation = classify_ethernet(frame.as_slice(), &dark).unwrap();
            assert_eq!(observation.family, Family::Ipv4);
            assert_eq!(observation.tools, ToolSet::NONE);
            assert!(frame.len() >= if profile == Profile::Ipv6Mix { 74 } else { 60 });
        }
    }
}
