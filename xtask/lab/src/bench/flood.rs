//! A flood that goes on while something else is measured.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use anyhow::Result;

use crate::live::{Generator, Profile};

/// Frames of one go, after which the end of the flood is noticed.
const FRAMES: u64 = 200_000;

/// Floods from `cpu` until `measure` is done. Gives what that came to, and the time that the flood took of the CPU.
pub(super) fn during<T: Send>(
    generator: &Generator,
    profile: Profile,
    cpu: u32,
    measure: impl FnOnce() -> Result<T>,
) -> Result<(T, Duration)> {
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        let flood = scope.spawn(|| {
            let mut time = Duration::ZERO;
            while !over.load(Ordering::Relaxed) {
                let run = generator.generate(profile, FRAMES, &[cpu], |_| ())?;
                time += run.time.saturating_sub(run.waited);
            }
            Ok::<_, anyhow::Error>(time)
        });
        let measured = measure();
        over.store(true, Ordering::Relaxed);
        let time = flood
            .join()
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        Ok((measured?, time?))
    })
}
