//! Frames from the sender's end to the sensor's.

use std::{num::NonZeroU32, time::Duration};

use sensor_lab::{
    network::Network,
    sender::{Limit, Pace, Queueing, Sender, Sent},
};

/// What any machine can take without losing a frame between the two ends.
const GENTLE: NonZeroU32 = NonZeroU32::new(20_000).unwrap();

/// Sends these frames one after the other; each has been received by the sensor's end when this returns.
pub fn send(network: &Network, frames: &[Vec<u8>]) {
    send_from(network, network.tx().name, frames);
}

/// The same from another interface of the sender's namespace.
pub fn send_from(network: &Network, interface: &str, frames: &[Vec<u8>]) {
    let mut frames = frames.iter();
    let expected = frames.len() as u64;
    let sent = sending(network, interface, Pace::PerSecond(GENTLE), expected, |buffer| {
        frames.next().is_some_and(|frame| {
            buffer.clone_from(frame);
            true
        })
    });
    assert_eq!((sent.frames, sent.device_drops), (expected, 0));
}

/// Sends frames that `next` writes, at most so many, as fast as the wire takes them.
pub fn flood(network: &Network, frames: u64, next: impl FnMut(&mut Vec<u8>) -> bool + Send) -> Sent {
    sending(network, network.tx().name, Pace::Unlimited, frames, next)
}

fn sending(
    network: &Network,
    interface: &str,
    pace: Pace,
    frames: u64,
    next: impl FnMut(&mut Vec<u8>) -> bool + Send,
) -> Sent {
    let limit = Limit {
        frames,
        time: Duration::from_secs(30),
    };
    let send = || Sender::open(interface, Queueing::Discipline)?.send(next, pace, limit);
    network.sender().enter(send).unwrap().unwrap()
}
