//! Lists of known addresses that an analyst has: of devices, and of scanners of research.

use std::{
    collections::HashMap,
    fs, io,
    net::IpAddr,
    path::{Path, PathBuf},
    sync::Arc,
};

use sensor_evidence::notice::research::{Research, ResearchError};

/// Why a list cannot be taken in.
#[derive(Debug, thiserror::Error)]
pub enum ListError {
    /// It cannot be read.
    #[error("{path} cannot be read: {source}; give a text in UTF-8")]
    Read {
        /// Which one.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A line of a list of devices is none.
    #[error(
        "line {line} of {path} is no device: write ADDRESS,VENDOR,MODEL, such as 192.0.2.1,Example,DVR-4"
    )]
    Device {
        /// Which list.
        path: PathBuf,
        /// Which line, from 1.
        line: u64,
    },
    /// A list of research scanners is none.
    #[error("{path}: {source}")]
    Research {
        /// Which list.
        path: PathBuf,
        /// What is wrong.
        source: ResearchError,
    },
}

/// What an analyst knows of addresses.
#[derive(Clone, Debug, Default)]
pub struct Lists {
    /// Devices, by their addresses.
    pub devices: Option<Arc<DeviceList>>,
    /// Scanners of research, by their networks.
    pub research: Option<Arc<Research>>,
}

impl Lists {
    /// Reads the lists that are given.
    ///
    /// # Errors
    /// When one cannot be read, or is none.
    pub fn read(devices: Option<&Path>, research: Option<&Path>) -> Result<Self, ListError> {
        let devices = devices.map(DeviceList::read).transpose()?;
        let research = research.map(|path| {
            let source = |source| ListError::Research {
                path: path.to_owned(),
                source,
            };
            Research::with(&text_of(path)?).map_err(source)
        });
        Ok(Self {
            devices: devices.map(Arc::new),
            research: research.transpose()?.map(Arc::new),
        })
    }
}

/// A device: who made it, and which one it is.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Device {
    /// Its vendor.
    pub vendor: String,
    /// Its model.
    pub model: String,
}

/// Devices by address.
#[derive(Clone, Debug, Default)]
pub struct DeviceList {
    devices: HashMap<IpAddr, Device>,
}

impl DeviceList {
    /// Reads CSV with the columns address, vendor and model; a first line without an address is a heading.
    fn read(path: &Path) -> Result<Self, ListError> {
        Self::parse(path, &text_of(path)?)
    }

    fn parse(path: &Path, text: &str) -> Result<Self, ListError> {
        let text = text.trim_start_matches('\u{feff}');
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .trim(csv::Trim::All)
            .from_reader(text.as_bytes());
        let mut devices = HashMap::new();
        for (number, record) in (1..).zip(reader.records()) {
            let wrong = |line: u64| ListError::Device {
                path: path.to_owned(),
                line,
            };
            let record = record.map_err(|_| wrong(number))?;
            let line = record.position().map_or(number, csv::Position::line);
            let fields: Vec<&str> = record.iter().collect();
            match (
                fields.first().map(|address| address.parse::<IpAddr>()),
                &fields[..],
            ) {
                (Some(Ok(address)), [_, vendor, model]) => {
                    let device = Device {
                        vendor: (*vendor).to_owned(),
                        model: (*model).to_owned(),
                    };
                    devices.insert(address.to_canonical(), device);
                }
                (Some(Err(_)), [_, _, _]) if number == 1 => {}
                _ => return Err(wrong(line)),
            }
        }
        Ok(Self { devices })
    }

    /// How many addresses are in it.
    #[must_use]
    pub fn len(&self) -> usize {
        self.devices.len()
    }

    /// Whether it has none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.devices.is_empty()
    }

    /// What is at an address.
    #[must_use]
    pub fn of(&self, address: IpAddr) -> Option<&Device> {
        self.devices.get(&address)
    }
}

fn text_of(path: &Path) -> Result<String, ListError> {
    fs::read_to_string(path).map_err(|source| ListError::Read {
        path: path.to_owned(),
        source,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_devices_is_read_with_and_without_a_heading() {
        let parse = |text: &str| DeviceList::parse(Path::new("devices.csv"), text);
        let text = "ip,vendor,model\n192.0.2.1,Example,DVR-4\n2001:db8::1,\"Example, Inc.\",R1\n";
        let list = parse(text).unwrap();
        assert_eq!(list.len(), 2);
        let device = list.of("2001:db8::1".parse().unwrap()).unwrap();
        assert_eq!(
            (device.vendor.as_str(), device.model.as_str()),
            ("Example, Inc.", "R1")
        );
        assert!(list.of("192.0.2.2".parse().unwrap()).is_none());
        assert_eq!(parse("192.0.2.1,Example,\n").unwrap().len(), 1);
        assert!(parse("").unwrap().is_empty());
        for (text, line) in [
            ("192.0.2.1,Example,DVR\n192.0.2.300,Example,DVR\n", "line 2"),
            ("192.0.2.1\n", "line 1"),
            ("ip,vendor,model\n192.0.2.1,Example\n", "line 2"),
        ] {
            let error = parse(text).unwrap_err().to_string();
            assert!(error.contains(line), "{error}");
        }
    }
}
