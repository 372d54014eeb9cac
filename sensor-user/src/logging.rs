//! What the daemon says on standard error: structured lines, the kernel program's among them.

use std::io::IsTerminal as _;

use tracing_subscriber::{EnvFilter, fmt, prelude::*};

use crate::config::{Config, LogFormat};

/// Starts logging. `TEITEN_LOG` overrides the level, in the syntax of `tracing-subscriber`'s filters.
///
/// # Errors
/// Something in this process logs already.
pub fn start(config: &Config) -> anyhow::Result<()> {
    let level = config.log_level.to_string().to_lowercase();
    let filter = EnvFilter::try_from_env("TEITEN_LOG").unwrap_or_else(|_| EnvFilter::new(level));
    // The program's lines come through the `log` crate.
    tracing_log::LogTracer::builder()
        .with_max_level(log::LevelFilter::Trace)
        .init()?;
    let registry = tracing_subscriber::registry().with(filter);
    let layer = fmt::layer().with_writer(std::io::stderr);
    match config.log_format {
        LogFormat::Text => {
            let colours = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
            tracing::subscriber::set_global_default(registry.with(layer.with_ansi(colours)))?;
        }
        LogFormat::Json => {
            tracing::subscriber::set_global_default(registry.with(layer.json().flatten_event(true)))?;
        }
    }
    Ok(())
}
