//! Frames of known number, sent by a CPU of choice: live ones where the kernel has them, else through a socket.

use std::{net::Ipv4Addr, thread, time::Duration};

use anyhow::{Context as _, Result, ensure};
use sensor_common::generator::DARK_V4;
use sensor_lab::{
    artefacts,
    frames::{Edit as _, Ethernet, Ipv4, Tcp},
    live::{Generator, PortCounts, Profile},
    sender::{Limit, Pace, Queueing, Sender},
};
use teiten::kernel::{attach::interface_index, sys};

use crate::machine::Machine;

/// Where the source address lies in a frame without tags.
const SOURCE_OFFSET: usize = 14 + 12;
/// How long sending may take.
const PATIENCE: Duration = Duration::from_mins(2);
const BROADCAST: [u8; 6] = [0xff; 6];

/// What sends.
pub enum Load {
    /// A program in the kernel.
    Live(Box<Generator>),
    /// This process, through a packet socket on this interface.
    Socket(String),
}

impl Load {
    /// What this machine has, aimed at an interface.
    ///
    /// # Errors
    /// The generator is not loaded.
    pub fn new(machine: &Machine, interface: &str) -> Result<Self> {
        if !machine.has(Machine::FRAGS_AND_LIVE_FRAMES) {
            return Ok(Self::Socket(interface.to_owned()));
        }
        let mut generator = Generator::load(&artefacts::object("generator.o")?, PortCounts::Left)?;
        let index = interface_index(interface)?;
        for cpu in 0..u32::try_from(machine.cpus)? {
            generator.aim(cpu, index)?;
        }
        Ok(Self::Live(Box::new(generator)))
    }

    /// Sends so many frames from this CPU.
    ///
    /// # Errors
    /// They cannot be sent.
    pub fn send(&self, cpu: u32, frames: u64) -> Result<()> {
        match self {
            Self::Live(generator) => {
                generator.generate(Profile::Skewed, frames, &[cpu], |_| {})?;
                Ok(())
            }
            Self::Socket(interface) => thread::scope(|scope| {
                let sender = scope.spawn(|| {
                    sys::pin_to_cpu(cpu).with_context(|| format!("no thread can run on CPU {cpu}"))?;
                    send(interface, frames)
                });
                match sender.join() {
                    Ok(result) => result,
                    Err(panic) => std::panic::resume_unwind(panic),
                }
            }),
        }
    }
}

/// Sends so many frames to everybody on an interface's link: SYNs to the dark prefix, from 4,096 sources in turn.
///
/// # Errors
/// The interface does not take them all.
pub fn send(interface: &str, frames: u64) -> Result<()> {
    let ethernet = Ethernet {
        destination: BROADCAST,
        ..Ethernet::default()
    };
    let template = Ipv4::to(Ipv4Addr::from_bits(DARK_V4))
        .frame_in(&ethernet, Tcp::syn(23))
        .padded();
    let mut number = 0_u32;
    let next = |frame: &mut Vec<u8>| {
        frame.clone_from(&template);
        number = number.wrapping_add(1);
        let source = 0x0a00_0000 | number & 0xfff;
        frame[SOURCE_OFFSET..SOURCE_OFFSET + 4].copy_from_slice(&source.to_be_bytes());
        true
    };
    send_all(interface, frames, next)
}

/// Sends these frames, in their order.
///
/// # Errors
/// The interface does not take them all.
pub fn send_each(interface: &str, frames: &[Vec<u8>]) -> Result<()> {
    let mut left = frames.iter();
    let next = |frame: &mut Vec<u8>| {
        left.next().is_some_and(|next| {
            frame.clone_from(next);
            true
        })
    };
    send_all(interface, frames.len() as u64, next)
}

fn send_all(interface: &str, frames: u64, next: impl FnMut(&mut Vec<u8>) -> bool) -> Result<()> {
    let limit = Limit {
        frames,
        time: PATIENCE,
    };
    let sent = Sender::open(interface, Queueing::Bypass)?.send(next, Pace::Unlimited, limit)?;
    ensure!(
        sent.frames == frames,
        "{} of {frames} frames were sent within {} s",
        sent.frames,
        PATIENCE.as_secs()
    );
    Ok(())
}
