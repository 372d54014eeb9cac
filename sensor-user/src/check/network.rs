//! The host's own network: what it would do with packets to dark addresses.

use std::{fs, net::Ipv4Addr};

use ipnet::{IpNet, Ipv4Net};

use super::{Finding, Places, Plan, host::read};

/// `RTF_REJECT` of `include/uapi/linux/route.h`: packets to there go nowhere.
const REJECT: u32 = 0x0200;

pub(super) fn look(plan: &Plan, places: &Places, findings: &mut Vec<Finding>) {
    if read(&places.proc.join("sys/net/ipv4/ip_forward")) != "1" {
        findings.push(Finding::ok(
            "forwarding",
            "packets to other hosts are not forwarded",
        ));
        return;
    }
    // The table of this thread's namespace.
    let table = fs::read_to_string(places.proc.join("thread-self/net/route")).unwrap_or_default();
    let routes: Vec<Route> = table.lines().skip(1).filter_map(Route::parse).collect();
    for prefix in &plan.watch {
        if let IpNet::V4(prefix) = prefix {
            findings.push(forwarding(*prefix, &routes).of(prefix.to_string()));
        }
    }
}

/// A dark packet that is forwarded comes back, or reaches somebody.
fn forwarding(prefix: Ipv4Net, routes: &[Route]) -> Finding {
    let best = routes
        .iter()
        .filter(|route| route.prefix.contains(&prefix))
        .max_by_key(|route| route.prefix.prefix_len());
    match best {
        Some(route) if !route.reject => Finding::warning(
            "forwarding",
            "this host forwards packets, and has a way for those to this dark prefix: they leave it again",
            format!("ip route replace blackhole {prefix}"),
        ),
        _ => Finding::ok("forwarding", "packets to this dark prefix end here"),
    }
}

/// A line of `/proc/net/route`.
struct Route {
    prefix: Ipv4Net,
    reject: bool,
}

impl Route {
    /// Interface, destination, gateway, flags, …, mask in the eighth column; addresses hexadecimal in the machine's
    /// byte order.
    fn parse(line: &str) -> Option<Self> {
        let columns: Vec<&str> = line.split_whitespace().collect();
        let address = |column: usize| {
            let number = u32::from_str_radix(columns.get(column)?, 16).ok()?;
            Some(Ipv4Addr::from(number.to_ne_bytes()))
        };
        Some(Self {
            prefix: Ipv4Net::with_netmask(address(1)?, address(7)?).ok()?,
            // A blackhole has no flag, and no interface either.
            reject: columns.first() == Some(&"*")
                || u32::from_str_radix(columns.get(3)?, 16).ok()? & REJECT != 0,
        })
    }
}
