//! That the view is told to end by a signal: the terminal is given back then, as it is at a key.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use tokio::signal::unix::{SignalKind, signal};

/// How long the view may take to give the terminal back.
const GRACE: Duration = Duration::from_secs(2);

/// Becomes true when SIGTERM or SIGHUP has come. Who does not end by then is ended soon after.
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
        // Where the terminal is gone, the thread that waits for its keys reads nothing for ever and never looks.
        thread::sleep(GRACE);
        std::process::exit(0);
    })?;
    Ok(told)
}
