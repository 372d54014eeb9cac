//! Writes mmdb files from networks, after the `MaxMind` DB format specification 2.0
//! (<https://maxmind.github.io/MaxMind-DB/>), and wrong ones on demand.

#![expect(
    clippy::unwrap_used,
    reason = "what does not fit such a file is a mistake of the test that writes it"
)]

use std::collections::HashMap;

/// A value of the data section.
#[derive(Clone, Debug)]
pub enum Value {
    /// A text of fewer than 285 octets.
    Text(String),
    /// An unsigned number of 32 bits.
    Number(u32),
    /// Fewer than 285 entries.
    Map(Vec<(&'static str, Value)>),
}

impl Value {
    /// A text.
    #[must_use]
    pub fn text(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

#[derive(Clone, Copy, Debug)]
enum Record {
    Empty,
    Node(usize),
    Data(usize),
}

/// A tree of networks and the data that they lead to.
#[derive(Debug)]
pub struct Writer {
    /// 4, or 6 for both.
    pub ip_version: u16,
    /// The size of a side of a node: 24, 28 or 32.
    pub record_bits: u16,
    /// What the file says of itself.
    pub database_type: &'static str,
    /// When it was made, in seconds since 1970.
    pub build_epoch: u64,
    nodes: Vec<[Record; 2]>,
    data: Vec<u8>,
    places: HashMap<Vec<u8>, usize>,
}

impl Writer {
    /// A file of no networks.
    #[must_use]
    pub fn new(ip_version: u16, record_bits: u16) -> Self {
        Self {
            ip_version,
            record_bits,
            database_type: "Test-Country",
            build_epoch: 1_700_000_000,
            nodes: vec![[Record::Empty; 2]],
            data: Vec::new(),
            places: HashMap::new(),
        }
    }

    /// Adds the IPv4 addresses from `first` to `last`.
    ///
    /// # Panics
    /// When there is one of them already.
    pub fn add_v4(&mut self, first: u32, last: u32, value: &Value) {
        let bits = if self.ip_version == 4 { 32 } else { 128 };
        self.add(u128::from(first), u128::from(last), bits, value);
    }

    /// Adds the IPv6 addresses from `first` to `last`.
    ///
    /// # Panics
    /// When there is one of them already, or the file is of IPv4 alone.
    pub fn add_v6(&mut self, first: u128, last: u128, value: &Value) {
        assert_eq!(self.ip_version, 6);
        self.add(first, last, 128, value);
    }

    /// Cuts a range into the fewest networks.
    fn add(&mut self, first: u128, last: u128, bits: u32, value: &Value) {
        let data = self.data_place(value);
        let mut next = first;
        loop {
            let mut host = next.trailing_zeros().min(bits);
            while host == 128 || next + ((1_u128 << host) - 1) > last {
                host -= 1;
            }
            self.set(next, bits - host, bits, Record::Data(data));
            let end = next + ((1_u128 << host) - 1);
            if end == last {
                return;
            }
            next = end + 1;
        }
    }

    /// Lets a prefix of an IPv6 tree lead to the tree of IPv4, as `2002::/16` does in real databases.
    ///
    /// # Panics
    /// When there is no tree of IPv4, or something else at the prefix.
    pub fn alias_v4(&mut self, prefix: u128, length: u32) {
        let mut node = 0;
        for _ in 0..96 {
            let Record::Node(next) = self.nodes[node][0] else {
                panic!("no IPv4 network was added before");
            };
            node = next;
        }
        self.set(prefix, length, 128, Record::Node(node));
    }

    fn set(&mut self, address: u128, length: u32, bits: u32, record: Record) {
        let mut node = 0;
        for depth in 0..length {
            let side = usize::from(address >> (bits - 1 - depth) & 1 == 1);
            if depth + 1 == length {
                self.nodes[node][side] = record;
                return;
            }
            node = match self.nodes[node][side] {
                Record::Node(next) => next,
                Record::Empty => {
                    self.nodes.push([Record::Empty; 2]);
                    let next = self.nodes.len() - 1;
                    self.nodes[node][side] = Record::Node(next);
                    next
                }
                Record::Data(_) => panic!("networks overlap"),
            };
        }
        // The whole space: both sides of the root.
        self.nodes[0] = [record; 2];
    }

    fn data_place(&mut self, value: &Value) -> usize {
        let mut bytes = Vec::new();
        encode(value, &mut bytes);
        *self.places.entry(bytes).or_insert_with_key(|bytes| {
            let place = self.data.len();
            self.data.extend_from_slice(bytes);
            place
        })
    }

    /// How many nodes the tree has.
    #[must_use]
    pub fn node_count(&self) -> usize {
        self.nodes.len()
    }

    /// The file.
    ///
    /// # Panics
    /// When there are more nodes than a record can tell.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        let count = self.nodes.len();
        let number = |record: &Record| match record {
            Record::Empty => count,
            Record::Node(node) => *node,
            Record::Data(place) => count + 16 + place,
        };
        let nodes = self
            .nodes
            .iter()
            .map(|sides| [number(&sides[0]), number(&sides[1])]);
        file(nodes, &self.data, self)
    }
}

/// A tree in which every address passes the same `depth` nodes: 2^`depth` ways to one place.
#[must_use]
pub fn knot(depth: usize) -> Vec<u8> {
    let writer = Writer::new(6, 32);
    let mut data = Vec::new();
    encode(&country("JP"), &mut data);
    let nodes = (0..depth).map(|node| {
        let next = if node + 1 == depth { depth + 16 } else { node + 1 };
        [next, next]
    });
    file(nodes, &data, &writer)
}

/// A tree whose only node is its own child.
#[must_use]
pub fn circle() -> Vec<u8> {
    file([[0, 0]].into_iter(), &[], &Writer::new(6, 24))
}

/// What GeoLite2 and DB-IP write for a country.
#[must_use]
pub fn country(code: &str) -> Value {
    Value::Map(vec![(
        "country",
        Value::Map(vec![("iso_code", Value::text(code))]),
    )])
}

fn file(nodes: impl ExactSizeIterator<Item = [usize; 2]>, data: &[u8], writer: &Writer) -> Vec<u8> {
    let node_count = u32::try_from(nodes.len()).unwrap();
    let mut bytes = Vec::new();
    for [left, right] in nodes {
        let [left, right] = [u32::try_from(left).unwrap(), u32::try_from(right).unwrap()];
        let ([l3, l2, l1, l0], [r3, r2, r1, r0]) = (left.to_be_bytes(), right.to_be_bytes());
        match writer.record_bits {
            24 => {
                assert!(l3 == 0 && r3 == 0, "too many nodes for 24 bits");
                bytes.extend([l2, l1, l0, r2, r1, r0]);
            }
            28 => {
                assert!(l3 < 16 && r3 < 16, "too many nodes for 28 bits");
                bytes.extend([l2, l1, l0, l3 << 4 | r3, r2, r1, r0]);
            }
            _ => bytes.extend([l3, l2, l1, l0, r3, r2, r1, r0]),
        }
    }
    bytes.extend([0; 16]);
    bytes.extend(data);
    bytes.extend(b"\xab\xcd\xefMaxMind.com");
    metadata(node_count, writer, &mut bytes);
    bytes
}

fn metadata(node_count: u32, writer: &Writer, bytes: &mut Vec<u8>) {
    control(7, 9, bytes);
    for (key, number) in [
        ("binary_format_major_version", 2),
        ("binary_format_minor_version", 0),
        ("ip_version", writer.ip_version),
        ("record_size", writer.record_bits),
    ] {
        encode_text(key, bytes);
        control(5, 2, bytes);
        bytes.extend(number.to_be_bytes());
    }
    encode_text("build_epoch", bytes);
    control(9, 8, bytes);
    bytes.extend(writer.build_epoch.to_be_bytes());
    encode_text("database_type", bytes);
    encode_text(writer.database_type, bytes);
    encode_text("description", bytes);
    control(7, 0, bytes);
    encode_text("languages", bytes);
    control(11, 0, bytes);
    encode_text("node_count", bytes);
    encode(&Value::Number(node_count), bytes);
}

fn encode(value: &Value, bytes: &mut Vec<u8>) {
    match value {
        Value::Text(text) => encode_text(text, bytes),
        Value::Number(number) => {
            control(6, 4, bytes);
            bytes.extend(number.to_be_bytes());
        }
        Value::Map(entries) => {
            control(7, entries.len(), bytes);
            for (key, value) in entries {
                encode_text(key, bytes);
                encode(value, bytes);
            }
        }
    }
}

fn encode_text(text: &str, bytes: &mut Vec<u8>) {
    control(2, text.len(), bytes);
    bytes.extend(text.as_bytes());
}

/// The control octets: the type in the upper three bits of the first, or 0 there and the type less 7 in the
/// second; then the size, below 29 in the first octet, or 29 there and the rest in one more.
fn control(kind: u8, size: usize, bytes: &mut Vec<u8>) {
    let (small, rest) = match u8::try_from(size).unwrap() {
        size @ 0..29 => (size, None),
        size => (29, Some(size - 29)),
    };
    if kind < 8 {
        bytes.push(kind << 5 | small);
    } else {
        bytes.extend([small, kind - 7]);
    }
    bytes.extend(rest);
}
