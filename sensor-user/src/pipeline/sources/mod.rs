//! Unique sources: sketches of ten minutes each, in a window that slides over the last hour.
//!
//! A record is hashed once under the fleet's key, and counted in every dimension that it belongs to. Six windows are the
//! last hour, 50 to 60 minutes of it; windows begin at whole tens of minutes, so six of them are also a whole hour for
//! the records. Late records find their own window as long as it is kept.

mod dimension;
mod estimates;
mod recent;
mod row;
mod window;

use std::collections::VecDeque;

use sensor_common::{ToolSet, record::FlowKey};
use sensor_sketch::{Coupon, Distinct, OpenSet, Sketch, SourceHash, SourceKey, SourceSet};

pub use self::{
    dimension::Dimension,
    estimates::Estimates,
    row::SourcesRow,
    window::{PAIR_OCTETS, WINDOW},
};
use self::{dimension::Layout, recent::Recent, window::Window};
use super::{PortName, cells::HOUR};
use crate::region::Region;

/// Windows of the sliding hour, the open one among them.
const SLIDING: usize = 6;
/// Windows that are kept: one more, so that the last whole hour can be taken until the next window ends.
const KEPT: usize = SLIDING + 1;

/// Thirty billion years.
const LAST_SECOND: i64 = 1 << 60;

/// TCP ports at which mostly devices of the Internet of Things answer, and where their malware looks for others.
pub const DEFAULT_IOT_PORTS: [u16; 14] = [
    23,    // telnet
    26,    // telnet of some routers
    81,    // web pages of cameras (GoAhead)
    2323,  // telnet as an alternative
    5358,  // telnet of some devices
    5555,  // Android debug bridge
    7547,  // remote management of customers' routers (TR-069)
    8080,  // web pages of routers and recorders
    9530,  // back door of video recorders (Xiongmai)
    34567, // control of video recorders (Xiongmai)
    37215, // Huawei HG532 (CVE-2017-17215)
    52869, // Realtek's UPnP service (CVE-2014-8361)
    60001, // video recorders (JAWS)
    60023, // telnet as an alternative
];

/// What a record says of its source.
#[derive(Clone, Copy, Debug)]
pub struct Facts {
    /// The flow.
    pub key: FlowKey,
    /// Where the source is.
    pub region: Region,
    /// The place of the watched port that was scanned.
    pub watched: Option<usize>,
    /// The TCP port that was scanned.
    pub syn_to: Option<u16>,
    /// The marks of the packets.
    pub tools: ToolSet,
    /// Those of them that are sure.
    pub sure: ToolSet,
}

/// Unique sources by dimension.
#[derive(Debug)]
pub struct Sources {
    key: SourceKey,
    layout: Layout,
    iot_ports: Box<[bool]>,
    /// The newest last.
    windows: VecDeque<Window>,
    /// What the closed windows of the sliding hour come to, by place; worked out when a window closes.
    closed: Vec<Option<Box<Distinct>>>,
    /// The same of the sets.
    closed_sets: Sets,
    /// A late record came into one of those windows, and `closed_sets` does not know.
    sets_are_old: bool,
    recent: Recent,
    late_records: u64,
}

impl Sources {
    /// No sources yet. `watched` ports are counted by region as well.
    #[must_use]
    pub fn new(key: SourceKey, watched: &[PortName], iot_ports: &[u16]) -> Self {
        let layout = Layout::new(watched);
        let mut is_iot = vec![false; 1 << 16].into_boxed_slice();
        for port in iot_ports {
            is_iot[usize::from(*port)] = true;
        }
        Self {
            key,
            closed: vec![None; layout.len()],
            closed_sets: Sets::of([].into_iter()),
            sets_are_old: false,
            layout,
            iot_ports: is_iot,
            windows: VecDeque::with_capacity(KEPT),
            recent: Recent::default(),
            late_records: 0,
        }
    }

    /// The name of the key.
    #[must_use]
    pub fn key_id(&self) -> &str {
        self.key.id()
    }

    /// To be called when sources may be in other regions than before.
    pub fn forget_recent(&mut self) {
        self.recent.clear();
    }

    /// Opens the window of this moment. A clock that went back by more than is kept begins anew.
    pub fn turn_to(&mut self, seconds: i64) {
        let seconds = sane(seconds);
        let start = seconds - seconds.rem_euclid(WINDOW);
        if let Some(open) = self.windows.back() {
            if start == open.start {
                return;
            }
            if start < open.start {
                let kept = i64::try_from(KEPT).unwrap_or(0) * WINDOW;
                if open.start - start < kept {
                    return;
                }
                self.windows.clear();
            }
        }
        self.windows.push_back(Window::new(start, &self.layout));
        self.drop_old();
        self.recent.clear();
        self.close();
    }

    fn drop_old(&mut self) {
        let Some(newest) = self.windows.back().map(|window| window.start) else {
            return;
        };
        let oldest = newest - i64::try_from(KEPT - 1).unwrap_or(0) * WINDOW;
        self.windows.retain(|window| window.start >= oldest);
    }

    /// Works out what the closed windows of the sliding hour come to.
    fn close(&mut self) {
        let Some(open) = self.windows.back() else { return };
        let closed: Vec<&Window> = self
            .windows
            .iter()
            .filter(|window| window.start < open.start && window.start >= sliding_from(open.start))
            .collect();
        for (place, all) in self.closed.iter_mut().enumerate() {
            let mut counts = closed.iter().filter_map(|window| window.count(place)).peekable();
            *all = counts.peek().is_some().then(|| Box::new(Distinct::union(counts)));
        }
        self.closed_sets = Sets::of(closed.into_iter());
        self.sets_are_old = false;
    }

    /// Counts the source of a record that came at this time.
    #[inline]
    pub fn add(&mut self, facts: &Facts, seconds: i64) {
        let seconds = sane(seconds);
        let open = self.windows.back().map(|window| window.start);
        if !open.is_some_and(|start| (start..start + WINDOW).contains(&seconds)) {
            self.add_elsewhere(facts, seconds);
            return;
        }
        if self.recent.had(&facts.key, facts.sure) {
            return;
        }
        let newest = self.windows.len() - 1;
        self.count(newest, facts);
    }

    /// A record of another window than the open one.
    #[cold]
    fn add_elsewhere(&mut self, facts: &Facts, seconds: i64) {
        let newer = |open: &Window| seconds >= open.start + WINDOW;
        if self.windows.back().is_none_or(newer) {
            self.turn_to(seconds);
            return self.add(facts, seconds);
        }
        let newest = self.windows.back().map_or(0, |window| window.start);
        let start = seconds - seconds.rem_euclid(WINDOW);
        if start < newest - i64::try_from(KEPT - 1).unwrap_or(0) * WINDOW {
            self.late_records += 1;
            return;
        }
        let index = match self.windows.binary_search_by_key(&start, |window| window.start) {
            Ok(index) => index,
            // Nothing had come in those ten minutes yet.
            Err(index) => {
                self.windows.insert(index, Window::new(start, &self.layout));
                index
            }
        };
        self.count(index, facts);
        if start >= sliding_from(newest) {
            let coupon = self.key.hash(facts.key.source).coupon();
            let (closed, window) = (&mut self.closed, &self.windows[index]);
            each_place(&self.layout, facts, |place| {
                if !window.was_refused(place) {
                    closed[place].get_or_insert_default().insert(coupon);
                }
            });
            self.sets_are_old = true;
        }
    }

    fn count(&mut self, index: usize, facts: &Facts) {
        let hash: SourceHash = self.key.hash(facts.key.source);
        let coupon: Coupon = hash.coupon();
        let window = &mut self.windows[index];
        let first_pair = self.layout.first_pair();
        each_place(&self.layout, facts, |place| {
            if place < first_pair {
                window.insert(place, coupon);
            } else {
                window.insert_pair(place, coupon);
            }
        });
        let iot_syn = facts.syn_to.is_some_and(|port| self.iot_ports[usize::from(port)]);
        let marked = facts.sure != ToolSet::NONE;
        window.insert_sets(hash, iot_syn, marked);
    }

    /// What is known of the last hour.
    #[must_use]
    pub fn estimates(&self) -> Estimates {
        let Some(open) = self.windows.back() else {
            return Estimates {
                key_id: self.key.id().to_owned(),
                watched: self.layout.ports().to_vec(),
                ..Estimates::default()
            };
        };
        let from = sliding_from(open.start);
        let sliding = || self.windows.iter().filter(move |window| window.start >= from);
        let refused = |place| sliding().any(|window| window.was_refused(place));
        let mut pairs_refused = 0;
        let mut rows = std::collections::HashMap::default();
        for (place, dimension) in self.layout.dimensions() {
            if refused(place) {
                pairs_refused += 1;
                continue;
            }
            let estimate = match (open.count(place), self.closed[place].as_deref()) {
                (None, None) => continue,
                (Some(one), None) | (None, Some(one)) => one.estimate(),
                (Some(one), Some(other)) => Distinct::union([one, other]).estimate(),
            };
            rows.insert(dimension, estimate);
        }
        let sets = if self.sets_are_old {
            Sets::of(sliding())
        } else {
            Sets::of([open].into_iter()).with(&self.closed_sets)
        };
        let difference = sets.iot_syn.without(&sets.marked);
        rows.insert(Dimension::IotSyn, sets.iot_syn.estimate());
        rows.insert(Dimension::Marked, sets.marked.estimate());
        Estimates {
            key_id: self.key.id().to_owned(),
            watched: self.layout.ports().to_vec(),
            span: (from, open.start + WINDOW),
            rows,
            iot_without_mirai: difference.estimate(),
            iot_without_mirai_error: difference.standard_error(),
            pairs_refused,
            late_records: self.late_records,
            octets: self.octets(),
        }
    }

    /// What the sketches take in memory, in octets.
    fn octets(&self) -> usize {
        let windows: usize = self.windows.iter().map(Window::octets).sum();
        let closed: usize = self.closed.iter().flatten().map(|count| count.octets()).sum();
        windows + closed
    }

    /// The sketches of the hour that begins at `hour`, as far as its windows are kept: until ten minutes after its end.
    /// A pair without room in any of them is left out. An hour without packets has no rows.
    #[must_use]
    pub fn hour(&self, hour: i64) -> Vec<(Dimension, Sketch)> {
        let of_hour: Vec<&Window> = self
            .windows
            .iter()
            .filter(|window| (hour..hour.saturating_add(HOUR)).contains(&window.start))
            .collect();
        let mut rows = Vec::new();
        for (place, dimension) in self.layout.dimensions() {
            if of_hour.iter().any(|window| window.was_refused(place)) {
                continue;
            }
            let mut counts = of_hour.iter().filter_map(|window| window.count(place)).peekable();
            if counts.peek().is_some() {
                rows.push((dimension, Sketch::Distinct(Distinct::union(counts))));
            }
        }
        let Sets { iot_syn, marked } = Sets::of(of_hour.into_iter());
        // The difference needs both, also where nobody is marked.
        if !iot_syn.is_empty() || !marked.is_empty() {
            rows.push((Dimension::IotSyn, Sketch::Set(iot_syn)));
            rows.push((Dimension::Marked, Sketch::Set(marked)));
        }
        rows
    }
}

/// Times beyond those that anybody could mean, so that no sum of them overflows.
#[inline]
fn sane(seconds: i64) -> i64 {
    seconds.clamp(-LAST_SECOND, LAST_SECOND)
}

/// When the first window of the sliding hour begins.
fn sliding_from(open: i64) -> i64 {
    open - i64::try_from(SLIDING - 1).unwrap_or(0) * WINDOW
}

/// The sets of several windows together.
#[derive(Debug)]
struct Sets {
    iot_syn: SourceSet,
    marked: SourceSet,
}

impl Sets {
    fn of<'a>(windows: impl Iterator<Item = &'a Window> + Clone) -> Self {
        Self {
            iot_syn: OpenSet::union(windows.clone().map(|window| &window.iot_syn)),
            marked: OpenSet::union(windows.map(|window| &window.marked)),
        }
    }

    fn with(&self, others: &Self) -> Self {
        Self {
            iot_syn: SourceSet::union([&self.iot_syn, &others.iot_syn]),
            marked: SourceSet::union([&self.marked, &others.marked]),
        }
    }
}

/// Every place where a record's source is counted.
#[inline]
fn each_place(layout: &Layout, facts: &Facts, mut at: impl FnMut(usize)) {
    at(Layout::ALL);
    at(Layout::region(facts.region));
    if let Some(place) = facts.watched {
        at(Layout::port(place));
        at(layout.pair(place, facts.region));
    }
    if facts.tools == ToolSet::NONE {
        return;
    }
    if facts.tools.contains(ToolSet::MIRAI) {
        at(Layout::MIRAI);
        at(Layout::mirai_region(facts.region));
        if let Some(place) = facts.watched {
            at(layout.mirai_port(place));
        }
    }
    let mut rest = facts.tools.0;
    while rest != 0 {
        let bit = rest.trailing_zeros();
        rest &= rest - 1;
        let sure = facts.sure.0 >> bit & 1 == 1;
        at(if sure {
            Layout::sure(bit)
        } else {
            Layout::likely(bit)
        });
    }
}

#[cfg(test)]
mod tests;
