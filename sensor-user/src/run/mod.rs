//! The daemon: it loads and attaches the program, and joins the threads that read it.
//!
//! One thread drains the ring and never waits for anybody; one takes records into the derived totals; one flushes
//! the caches on each tick and publishes what is known; the rest serves HTTP.

mod aggregate;
mod drain;
mod random;
mod recorder;
mod sampler;
mod shipping;
mod start;
mod supervisor;
mod takeover;
mod threads;
mod tick;

use std::{
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread::JoinHandle,
    time::Duration,
};

use anyhow::Context as _;
use sensor_sketch::SourceKey;
use tokio::signal::unix::{SignalKind, signal};

use self::shipping::Shipping;
use self::threads::Threads;
use crate::{
    check::Plan,
    config::{Config, ConfigError, refuse_own_addresses},
    export::{
        http::{self, Service},
        metrics::{Identity, Metrics},
        published::Published,
        web::Web,
    },
    kernel::{Attachment, Object, Pins, Sensor, WatchList, release::kernel_release},
    privilege::{self, Needs},
    region::RegionHandle,
};

/// What can keep the daemon from starting, beside configuration and kernel.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The address cannot be listened on.
    #[error(
        "cannot listen on {address} ({source}): is another sensor or exporter running there? Give another address with \
         `--listen`"
    )]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// The host is not fit.
    #[error("{0}")]
    Unfit(String),
    /// A thread of the daemon died.
    #[error("the thread `{0}` ended before the daemon: see its last words above")]
    ThreadEnded(&'static str),
}

/// Runs the sensor until SIGINT or SIGTERM. `config_file` is where the configuration was read from, if anywhere;
/// `object` names another program than the embedded one; with `discard_pins` pins that cannot be adopted are removed.
///
/// # Errors
/// Something keeps it from starting, or a part of it fails. What an earlier daemon left attached stays so.
pub fn run(
    config: &Config,
    config_file: Option<&Path>,
    object: Option<PathBuf>,
    discard_pins: bool,
) -> anyhow::Result<()> {
    let watch = WatchList::new(&config.watched_prefixes()?)?;
    if config.verdict() == sensor_common::Verdict::Drop {
        refuse_own_addresses(&config.watch)?;
    }
    let web = Web::load(config.web_config_file.as_deref()).map_err(ConfigError::Web)?;
    // Before the host, because another daemon that runs is the likeliest reason for anything else to fail.
    let pins = config
        .pin
        .then(|| Pins::take(&config.pin_place(), discard_pins))
        .transpose()?;
    if pins.is_none() {
        tracing::info!("nothing is pinned: the program and all totals end with this daemon");
    }
    // What may fail for reasons of its own comes before anything touches the interfaces.
    let listener = start::listen(config.listen)?;
    start::look_at_host(&Plan::of(config, config_file))?;
    let object = match object {
        Some(path) => Object::from_file(&path)?,
        None => Object::embedded(),
    };
    let regions = Arc::new(start::load_regions(config)?);
    let source_key = start::load_source_key(config)?;
    start::make_folder_of_records(config);
    let sampler = sampler::Sampler::prepare(config)?;
    let shipping = Shipping::open(config)?;
    let mut sensor = start::load(config, &object, &watch, pins)?;
    let attachments = start::attach(&mut sensor, config)?;
    // Before there is another thread: what a thread gives up is gone for it and for those that it starts.
    let left = privilege::give_up(&Needs::of(config, &web.files()), kernel_release())?;
    tracing::info!(
        capabilities = ?left.capabilities,
        landlock = left.landlock.name(),
        "privileges given up"
    );
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("starting the runtime")?;
    let identity = Identity {
        sensor: config.sensor_id.clone(),
        version: env!("CARGO_PKG_VERSION"),
        program: object.digest(),
        watched_addresses: watch.v4_addresses(),
    };
    runtime.block_on(serve(
        config,
        Attached { sensor, attachments },
        Http { listener, web },
        identity,
        (regions, source_key),
        shipping,
        sampler,
    ))
}

/// Where and how HTTP is served.
struct Http {
    listener: TcpListener,
    web: Web,
}

/// The program, and where it is.
struct Attached {
    sensor: Sensor,
    attachments: Vec<Attachment>,
}

async fn serve(
    config: &Config,
    attached: Attached,
    http: Http,
    identity: Identity,
    (regions, source_key): (Arc<RegionHandle>, SourceKey),
    shipping: Option<Shipping>,
    sampler: Option<sampler::Sampler>,
) -> anyhow::Result<()> {
    let Attached {
        mut sensor,
        attachments,
    } = attached;
    let listener = tokio::net::TcpListener::from_std(http.listener).context("serving HTTP")?;
    // Not the configured one: port 0 there means any that is free.
    let address = listener.local_addr().context("serving HTTP")?;
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let reload = reload_on_hangup()?;
    if let Some(log) = sensor.take_log() {
        tokio::spawn(kernel_log(log));
    }
    let published = Arc::new(Published::default());
    let (mut recorder, recording) = start_recording(config, &identity, &sensor)?;
    let mut metrics = Metrics::new(Arc::clone(&published), identity)?;
    let (flush_duration, drain_lag) = (metrics.flush_duration.clone(), metrics.drain_lag.clone());

    let (queue, records) = mpsc::sync_channel(config.queue_batches);
    let shared = Arc::new(drain::Shared::default());
    let earlier = takeover::take_over(&sensor.ledger(), sensor.adopted());
    let drain = drain::spawn(
        sensor.take_records()?,
        sensor.ledger(),
        queue,
        Arc::clone(&shared),
        drain_lag,
    )?;
    let (derived_out, derived_in) = mpsc::channel();
    let aggregate = aggregate::spawn(
        records,
        derived_out,
        Arc::clone(&regions),
        &config.watched_ports,
        (source_key, &config.iot_ports),
        recorder.as_ref().map(tick::Recorder::for_rows),
    )?;
    let sampling = sampler::begin(sampler, &mut sensor, &attachments, config, &mut metrics)?;
    let (ship, stop_shipping) = shipping.map(Shipping::start).unzip();
    let counters = sensor.take_counters()?;
    if let (Some(recorder), true) = (&mut recorder, sensor.adopted()) {
        recorder.adopt(sensor.ledger().epoch(), &counters.read(&[])?, &earlier);
    }

    let (stop_tick, stopped) = mpsc::channel();
    let tick = tick::spawn(
        tick::Ticker {
            sensor,
            counters,
            attachments,
            shared: Arc::clone(&shared),
            derived: derived_in,
            published: Arc::clone(&published),
            flush_duration,
            reload: Arc::clone(&reload),
            regions,
            earlier: earlier.books,
            config: config.clone(),
            recorder,
            ship,
        },
        stopped,
    )?;
    let patience = config.flush_interval * 3 + Duration::from_secs(10);
    let watchdog = tokio::spawn(supervisor::watchdog(Arc::clone(&published), patience));
    let service = Service {
        metrics,
        published,
        patience,
    };
    let (encrypted, web) = (http.web.is_encrypted(), Arc::new(http.web));
    let (stop_http, http_stopped) = tokio::sync::oneshot::channel::<()>();
    let http = tokio::spawn(http::serve(listener, service, web, async {
        // Either end of the channel means the same.
        let _ = http_stopped.await;
    }));
    tracing::info!(%address, encrypted, "serving metrics");
    supervisor::ready();

    let threads = Threads {
        tick,
        drain,
        aggregate,
        recording,
    };
    let ended = tokio::select! {
        _ = interrupt.recv() => None,
        _ = terminate.recv() => None,
        name = first_ended(&threads) => Some(name),
    };
    tracing::info!("stopping");
    watchdog.abort();
    supervisor::stopping();
    // The tick detaches first, unless the program is to stay, and then reads what is left: the last totals are exact.
    drop(stop_tick);
    let last = threads.join(&shared)?;
    drop(stop_shipping);
    sampler::end(sampling)?;
    drop(stop_http);
    // A client that never reads its answer must not keep the sensor from stopping.
    let _ = tokio::time::timeout(Duration::from_secs(1), http).await;
    last?;
    ended.map_or(Ok(()), |name| Err(RunError::ThreadEnded(name).into()))
}

/// Starts the thread that writes records, where they are configured.
fn start_recording(
    config: &Config,
    identity: &Identity,
    sensor: &Sensor,
) -> anyhow::Result<(Option<tick::Recorder>, Option<JoinHandle<()>>)> {
    let Some(records) = &config.records else {
        return Ok((None, None));
    };
    let now = jiff::Timestamp::now().as_second();
    let status = Arc::new(sensor_keep::Status::default());
    let description = crate::records::description(config, identity.watched_addresses, now);
    let mut settings = records.settings(&config.sensor_id);
    // What is flushed after an hour's end was in the caches before.
    settings.grace += 2 * i64::try_from(config.flush_interval.as_secs()).unwrap_or(0);
    let pace = crate::records::Pace::new(config.flush_interval, settings.grace);
    // Of counters that were adopted, the recorder is told how far they were.
    let epoch = (sensor.is_pinned() && !sensor.adopted()).then(|| sensor.ledger().epoch());
    let (handle, thread) = crate::records::spawn(settings, description, Arc::clone(&status), epoch)?;
    let circumstances = crate::records::Circumstances {
        watched_addresses: identity.watched_addresses,
        xdp_mode: String::new(),
        program_digest: identity.program.clone(),
    };
    let recorder = tick::Recorder::new((handle, pace), circumstances, status);
    Ok((Some(recorder), Some(thread)))
}

/// Waits for a thread that was told to end.
fn join(thread: JoinHandle<()>, name: &'static str) -> Result<(), RunError> {
    thread.join().map_err(|_| RunError::ThreadEnded(name))
}

/// Waits until one of the threads is no more, and names it.
async fn first_ended(threads: &Threads) -> &'static str {
    loop {
        if let Some(name) = threads.ended() {
            return name;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// SIGHUP asks for the region database to be loaded anew; the next tick does it.
fn reload_on_hangup() -> std::io::Result<Arc<AtomicBool>> {
    let mut hangup = signal(SignalKind::hangup())?;
    let reload = Arc::new(AtomicBool::new(false));
    let asked = Arc::clone(&reload);
    tokio::spawn(async move {
        while hangup.recv().await.is_some() {
            asked.store(true, Ordering::Release);
        }
    });
    Ok(reload)
}

/// Hands the program's own lines to our log.
async fn kernel_log(mut log: aya_log::EbpfLogger<&'static dyn log::Log>) {
    // Rare by design, so looking now and then is enough; nothing is lost but by a full ring of its own.
    loop {
        log.flush();
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
}
