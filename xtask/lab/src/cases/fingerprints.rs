//! Cases of tool marks: a packet of each tool, and near misses one bit or one step away.

use sensor_common::{ToolSet, tool::Tool};

use super::{Case, DARK, Expected};
use crate::frames::{Ipv4, Tcp};

const MSS_1460: [u8; 4] = [2, 4, 5, 0xb4];
/// MSS 1460, NOP, window scale 8, NOP, NOP, SACK permitted.
const LIKE_WINDOWS: [u8; 12] = [2, 4, 5, 0xb4, 1, 3, 3, 8, 1, 1, 4, 2];

/// Times to live of tools that begin with 255, and the first that is none of theirs.
const FROM_255: ([u8; 3], u8) = ([129, 200, 255], 128);
/// The same from 64.
const FROM_64: ([u8; 3], u8) = ([1, 54, 64], 65);

pub(super) fn cases() -> Vec<Case> {
    let tools = [
        mirai_original(),
        zmap(),
        zmap_4_1(),
        masscan(),
        masscan_2023(),
        nmap(),
        unicornscan(),
    ];
    tools
        .iter()
        .flat_map(Tried::cases)
        .chain(strict_mirai())
        .collect()
}

/// A packet of a tool, and what becomes of it when something is changed.
struct Tried {
    name: &'static str,
    ip: Ipv4,
    tcp: Tcp,
    /// The marks of the packet as it is.
    marks: ToolSet,
    /// Those that it has when a sign is not there: Mirai's stricter form leaves Mirai.
    otherwise: ToolSet,
    /// What it is when the identification is wrong, where that is a number that the tool computes.
    wrong_identification: Option<ToolSet>,
    /// Times to live that are the tool's, and the next beyond them.
    ttl: ([u8; 3], u8),
    /// Windows of the tool; none when any is.
    windows: &'static [u16],
    /// Whether options and DF are signs.
    options: bool,
    dont_fragment: bool,
}

fn tried(name: &'static str, tool: Tool, ip: Ipv4, tcp: Tcp) -> Tried {
    Tried {
        name,
        ip,
        tcp,
        marks: tool.mark(),
        otherwise: ToolSet::NONE,
        wrong_identification: None,
        ttl: FROM_255,
        windows: &[],
        options: true,
        dont_fragment: false,
    }
}

/// An IPv4 header with this time to live and identification.
fn ip(ttl: u8, id: u16) -> Ipv4 {
    Ipv4 {
        ttl,
        id,
        ..Ipv4::to(DARK)
    }
}

/// A SYN to port 80 with this window and these options; its sequence number is 0x01020304.
fn syn(window: u16, options: &[u8]) -> Tcp {
    Tcp {
        window,
        options: options.to_vec(),
        ..Tcp::syn(80)
    }
}

fn mirai_original() -> Tried {
    let tcp = Tcp {
        destination: 23,
        sequence: DARK.to_bits(),
        ..syn(0x1234, &[])
    };
    Tried {
        marks: ToolSet::MIRAI.union(Tool::MiraiOriginal.mark()),
        otherwise: ToolSet::MIRAI,
        ttl: FROM_64,
        ..tried("mirai_original", Tool::Mirai, ip(54, 1), tcp)
    }
}

fn zmap() -> Tried {
    Tried {
        wrong_identification: Some(ToolSet::near_miss_of(Tool::Zmap)),
        windows: &[65_535],
        options: false,
        ..tried("zmap", Tool::Zmap, ip(245, 54_321), syn(65_535, &[]))
    }
}

fn zmap_4_1() -> Tried {
    let tcp = syn(65_535, &LIKE_WINDOWS);
    Tried {
        ttl: FROM_64,
        windows: &[65_535],
        dont_fragment: true,
        ..tried("zmap_4_1", Tool::Zmap41, ip(54, 1), tcp)
    }
}

/// 198.51.100.23 is 0xc6336417: 0x6417 ^ 0x0050 ^ 0x0304 is 0x6743.
const MASSCAN_ID: u16 = 0x6743;

fn masscan() -> Tried {
    Tried {
        wrong_identification: Some(ToolSet::near_miss_of(Tool::Masscan)),
        windows: &[1_024],
        ..tried("masscan", Tool::Masscan, ip(245, MASSCAN_ID), syn(1_024, &[]))
    }
}

fn masscan_2023() -> Tried {
    let tcp = syn(1_025, &MSS_1460);
    Tried {
        wrong_identification: Some(ToolSet::near_miss_of(Tool::Masscan2023)),
        windows: &[1_025],
        ..tried("masscan_2023", Tool::Masscan2023, ip(245, MASSCAN_ID), tcp)
    }
}

fn nmap() -> Tried {
    Tried {
        ttl: ([1, 37, 59], 60),
        windows: &[1_024, 2_048, 3_072, 4_096],
        ..tried("nmap", Tool::Nmap, ip(48, 1), syn(1_024, &MSS_1460))
    }
}

fn unicornscan() -> Tried {
    let tcp = syn(4_128, &MSS_1460);
    Tried {
        windows: &[4_096, 4_128],
        ..tried("unicornscan", Tool::Unicornscan, ip(245, 1), tcp)
    }
}

impl Tried {
    fn cases(&self) -> Vec<Case> {
        [
            vec![self.case("itself", &self.ip, &self.tcp, self.marks)],
            self.identifications(),
            self.times_to_live(),
            self.windows(),
            self.options(),
            vec![self.dont_fragment()],
        ]
        .concat()
    }

    fn case(&self, name: &str, ip: &Ipv4, tcp: &Tcp, marks: ToolSet) -> Case {
        let port = tcp.destination;
        let expected = if marks.contains(ToolSet::MIRAI) {
            Expected::mirai(port)
        } else {
            Expected::tcp_scan(port)
        };
        let name = format!("{}_{name}", self.name);
        Case::new(name, ip.frame(tcp.clone()), expected.with_tools(marks))
    }

    /// What becomes of a sign that is not as it should be, if it is one.
    const fn without(&self, is_sign: bool) -> ToolSet {
        if is_sign { self.otherwise } else { self.marks }
    }

    /// Each bit of the identification wrong, and its octets in the wrong order.
    fn identifications(&self) -> Vec<Case> {
        let marks = self.wrong_identification.unwrap_or(self.marks);
        let case = |(name, id)| {
            let ip = Ipv4 {
                id,
                ..self.ip.clone()
            };
            self.case(&format!("with_id_{name}"), &ip, &self.tcp, marks)
        };
        let bits = (0..16).map(|bit| (format!("but_for_bit_{bit}"), self.ip.id ^ 1 << bit));
        bits.chain([("swapped".to_owned(), self.ip.id.swap_bytes())])
            .map(case)
            .collect()
    }

    fn times_to_live(&self) -> Vec<Case> {
        let (inside, outside) = self.ttl;
        let each = inside.map(|ttl| (ttl, self.marks));
        let case = |(ttl, marks)| {
            let ip = Ipv4 {
                ttl,
                ..self.ip.clone()
            };
            self.case(&format!("with_ttl_{ttl}"), &ip, &self.tcp, marks)
        };
        each.into_iter()
            .chain([(outside, self.otherwise)])
            .map(case)
            .collect()
    }

    /// The tool's other windows, and each bit of this one wrong.
    fn windows(&self) -> Vec<Case> {
        let own = self
            .windows
            .iter()
            .copied()
            .filter(|window| *window != self.tcp.window);
        let bits = (0..16).map(|bit| self.tcp.window ^ 1 << bit);
        let case = |window| {
            let is_own = self.windows.is_empty() || self.windows.contains(&window);
            let tcp = Tcp {
                window,
                ..self.tcp.clone()
            };
            self.case(
                &format!("with_window_{window}"),
                &self.ip,
                &tcp,
                self.without(!is_own),
            )
        };
        own.chain(bits.filter(|window| !self.windows.contains(window)))
            .map(case)
            .collect()
    }

    /// A word of options more or less, many more, and each bit wrong.
    fn options(&self) -> Vec<Case> {
        let own = &self.tcp.options;
        let mut all = vec![
            ("more".to_owned(), [own, &[1; 4][..]].concat()),
            ("many".to_owned(), [own, &[1; 20][..]].concat()),
        ];
        if let Some(rest) = own.len().checked_sub(4) {
            all.push(("less".to_owned(), own[..rest].to_vec()));
        }
        all.extend((0..8 * own.len()).map(|bit| {
            let mut options = own.clone();
            options[bit / 8] ^= 1 << (bit % 8);
            (format!("but_for_bit_{bit}"), options)
        }));
        let case = |(name, options)| {
            let tcp = Tcp {
                options,
                ..self.tcp.clone()
            };
            self.case(
                &format!("with_options_{name}"),
                &self.ip,
                &tcp,
                self.without(self.options),
            )
        };
        all.into_iter().map(case).collect()
    }

    fn dont_fragment(&self) -> Case {
        let ip = Ipv4 {
            fragment: Ipv4::DONT_FRAGMENT,
            ..self.ip.clone()
        };
        self.case("with_df", &ip, &self.tcp, self.without(self.dont_fragment))
    }
}

/// What the stricter form of Mirai asks for besides.
fn strict_mirai() -> Vec<Case> {
    let tried = mirai_original();
    let tcp = |change: fn(&mut Tcp)| {
        let mut tcp = tried.tcp.clone();
        change(&mut tcp);
        tcp
    };
    [
        ("to_2323", tcp(|tcp| tcp.destination = 2_323), true),
        ("to_2322", tcp(|tcp| tcp.destination = 2_322), false),
        ("to_22", tcp(|tcp| tcp.destination = 22), false),
        ("from_1024", tcp(|tcp| tcp.source = 1_024), true),
        ("from_1023", tcp(|tcp| tcp.source = 1_023), false),
        ("with_an_octet", tcp(|tcp| tcp.payload = vec![0]), false),
    ]
    .into_iter()
    .map(|(name, tcp, is_original)| tried.case(name, &tried.ip, &tcp, tried.without(!is_original)))
    .collect()
}
