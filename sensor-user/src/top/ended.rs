//! That the view is told to end by a signal: the terminal is given back then, as it is at a key.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use tokio::signal::unix::{SignalKind, signal};

/// Becomes true when SIGTERM or SIGHUP has come.
///
/// # Errors
/// The system does not let signals be handled.
pub(super) fn watch() -> io::Result<Arc<AtomicBool>> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()?;
    let (mut terminate, mut hangup) = {
        let _within = runtime.enter();
        (signal(SignalKind::terminate())?, signal(SignalKind::hangup())?)
    };
    let told = Arc::new(AtomicBool::new(false));
    let shared = Arc::clone(&told);
    thread::Builder::new().name("signals".to_owned()).spawn(move || {
        runtime.block_on(async {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = hangup.recv() => {}
            }
        });
        shared.store(true, Ordering::Relaxed);
    })?;
    Ok(told)
}
