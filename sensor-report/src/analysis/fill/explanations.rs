//! Why ranks and rates moved: the parts of cells, and what makes a change say less than it seems to.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    super::{
        Subject,
        explain::explain,
        moments::text,
        networks::{Networks, Owner},
        rank::Entry,
        rates::{BySensor, Weights},
        reclassified,
        roster::Observed,
        surges,
    },
    FEW_SOURCES, Filler,
};
use crate::model::{Cause, Cell, Change, Explanation, Membership, Span};

/// A network that makes less of a change is not told.
const LEAST_SHARE_OF_NETWORK: f64 = 0.5;

/// From here on the packets of the largest sources are nearly all.
const ONE_SOURCE: f64 = 0.9;

impl Filler<'_> {
    pub(super) fn explanations<K: Copy>(
        &self,
        table: &[Entry<K>],
        subject: impl Fn(K) -> Subject,
        membership: &Membership,
    ) -> Vec<Explanation> {
        let (rows, left) = self.shown(table);
        let mut explanations = Vec::new();
        for entry in rows.into_iter().chain(left) {
            let subject = subject(entry.key);
            for mut explanation in explain(&self.all, entry, subject, membership) {
                let mut others = self.moved(subject, explanation.span);
                others.extend(self.few_sources(subject, &explanation));
                explanation.causes.splice(0..0, others);
                if explanation.span == Span::Periods {
                    explanation
                        .causes
                        .extend(self.network(subject, entry.comparable.difference()));
                }
                explanations.push(explanation);
            }
        }
        explanations
    }

    /// New region databases that moved packets from or to a region within a span.
    fn moved(&self, subject: Subject, span: Span) -> Vec<Cause> {
        let observed: BTreeMap<u16, &Observed> = self
            .material
            .now
            .observed
            .iter()
            .filter(|(number, _)| self.all.has_sensor(**number))
            .map(|(number, observed)| (*number, observed))
            .collect();
        let moved = reclassified::moved(&self.material.hourly, &self.material.changes, &observed);
        let is_in_span = |at: i64| match span {
            Span::Periods | Span::TenDays => true,
            Span::Month(month) => {
                let ends = self.material.request.zone.start(month.last_of_month());
                ends.is_ok_and(|end| at <= end.as_second() + 86_400)
            }
        };
        moved
            .into_iter()
            .filter(|moved| is_in_span(moved.at))
            .flat_map(|moved| moved.subjects.into_iter().zip(moved.causes))
            .filter_map(|(found, cause)| (found == subject).then_some(cause))
            .collect()
    }

    /// What sent few sources: a surge of one source whose packets are most of the change, or so few that sketches count them
    /// all.
    fn few_sources(&self, subject: Subject, explanation: &Explanation) -> Option<Cause> {
        let is_rise = explanation.rate.difference() > 0.0;
        if !is_rise || explanation.span != Span::Periods {
            return None;
        }
        let runs = &self.material.runs;
        let of_one = |run: &&surges::Run| run.subject == subject && run.largest_source() >= ONE_SOURCE;
        if let Some(run) = runs.iter().find(of_one) {
            return Some(Cause {
                cell: Cell::FewSources {
                    sources: 1,
                    from: text(run.from),
                    to: text(run.to),
                },
                rate: explanation.rate,
                share: run.largest_source(),
            });
        }
        let sources = counted(self.sources_of(subject).after?)?;
        let (from, to) = self.material.now.frame.seconds();
        (sources < FEW_SOURCES).then(|| Cause {
            cell: Cell::FewSources {
                sources,
                from: text(from),
                to: text(to),
            },
            rate: explanation.rate,
            share: 1.0,
        })
    }

    /// The network that made at least half of a change between the periods, over the sensors that have tables of both.
    fn network(&self, subject: Subject, whole: f64) -> Option<Cause> {
        let networks = &self.material.networks;
        let weights = Change {
            before: self.days_with_networks(&networks.before, &networks.after),
            after: self.days_with_networks(&networks.after, &networks.before),
        };
        let nothing = BySensor::new();
        let rate = |owner: &Owner| Change {
            before: weights
                .before
                .rate(networks.before.packets(subject, owner).unwrap_or(&nothing)),
            after: weights
                .after
                .rate(networks.after.packets(subject, owner).unwrap_or(&nothing)),
        };
        let owners: BTreeSet<&Owner> = networks
            .before
            .owners(subject)
            .chain(networks.after.owners(subject))
            .collect();
        let causes = owners.into_iter().map(|owner| {
            let rate = rate(owner);
            Cause {
                cell: Cell::Network(owner.name()),
                share: rate.difference() / whole,
                rate,
            }
        });
        causes
            .filter(|cause| cause.share.is_finite() && cause.share >= LEAST_SHARE_OF_NETWORK)
            .max_by(|one, other| one.share.total_cmp(&other.share))
    }

    /// Days that sensors have tables of networks of, for those that have some of the other period too.
    #[expect(clippy::cast_precision_loss, reason = "days of a period")]
    fn days_with_networks(&self, of: &Networks, other: &Networks) -> Weights {
        let others: BTreeSet<u16> = other.days().map(|(sensor, _)| sensor).collect();
        let observed: Vec<(u16, Observed)> = of
            .days()
            .filter(|(sensor, _)| others.contains(sensor))
            .map(|(sensor, days)| {
                let known = self.material.now.observed.get(&sensor);
                let observed = Observed {
                    pieces: vec![days as f64 * 86_400.0],
                    addresses: known.map_or(1, |known| known.addresses),
                    ..Observed::default()
                };
                (sensor, observed)
            })
            .collect();
        let observed = observed.iter().map(|(sensor, observed)| (*sensor, observed));
        Weights::new(self.material.request.measure, observed, None)
    }
}

/// An estimate as a number of sources; sketches count so few one by one.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "checked to be small and positive"
)]
fn counted(estimate: f64) -> Option<u64> {
    (0.5..1e6).contains(&estimate).then(|| estimate.round() as u64)
}
