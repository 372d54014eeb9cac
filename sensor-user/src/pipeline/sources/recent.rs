//! What was counted a moment ago need not be counted again: busy flows come back all the time.

use sensor_common::{ToolSet, record::FlowKey};

/// Flows that are remembered.
const FLOWS: usize = 1 << 13;

/// A direct-mapped memory of flows. It forgets at will, which costs time and no count.
#[derive(Debug)]
pub struct Recent {
    flows: Vec<Flow>,
}

/// A flow, and what was known of its source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Flow {
    high: u64,
    low: u64,
    kind: u64,
    sure: u64,
}

impl Flow {
    /// No flow has this.
    const NONE: Self = Self {
        high: u64::MAX,
        low: u64::MAX,
        kind: u64::MAX,
        sure: u64::MAX,
    };
}

impl Default for Recent {
    fn default() -> Self {
        Self {
            flows: vec![Flow::NONE; FLOWS],
        }
    }
}

impl Recent {
    /// Whether this flow was here, and remembers it.
    #[inline]
    pub fn had(&mut self, key: &FlowKey, sure: ToolSet) -> bool {
        let flow = Flow {
            high: key.source.high,
            low: key.source.low,
            kind: key.kind,
            sure: sure.0.into(),
        };
        // Fibonacci hashing (Knuth, The Art of Computer Programming, volume 3, section 6.4), the words kept apart.
        let mixed = (flow.low ^ flow.high.rotate_left(32))
            .wrapping_mul(0x9e37_79b9_7f4a_7c15)
            .wrapping_add(flow.kind)
            .wrapping_mul(0x9e37_79b9_7f4a_7c15);
        // Always fits: it is below the number of flows.
        let place = usize::try_from(mixed >> (u64::BITS - FLOWS.trailing_zeros())).unwrap_or(0);
        let had = self.flows[place] == flow;
        self.flows[place] = flow;
        had
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.flows.fill(Flow::NONE);
    }
}
