//! Writes frames into a pcap file, for whoever reads captures (<https://datatracker.ietf.org/doc/draft-ietf-opsawg-pcap/>).

use std::{
    io::{self, Write},
    time::Duration,
};

/// Link type Ethernet.
pub const ETHERNET: u32 = 1;

/// The magic number of files whose times are in nanoseconds.
const MAGIC: u32 = 0xa1b2_3c4d;
/// The longest frame that the header promises.
const SNAPSHOT_BYTES: u32 = 262_144;

/// A pcap file that is being written, in little-endian order.
#[derive(Debug)]
pub struct Writer<W> {
    file: W,
}

impl<W: Write> Writer<W> {
    /// Begins a file of this link type.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn begin(mut file: W, link_type: u32) -> io::Result<Self> {
        for number in [MAGIC, 0x0004_0002, 0, 0, SNAPSHOT_BYTES, link_type] {
            file.write_all(&number.to_le_bytes())?;
        }
        Ok(Self { file })
    }

    /// Adds a frame that came so long after the beginning of 1970.
    ///
    /// # Errors
    /// It cannot be written, is longer than 262,144 bytes, or came after 2106.
    pub fn frame(&mut self, time: Duration, frame: &[u8]) -> io::Result<()> {
        let too_large = |_| io::Error::from(io::ErrorKind::InvalidInput);
        let length = u32::try_from(frame.len()).map_err(too_large)?;
        if length > SNAPSHOT_BYTES {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let seconds = u32::try_from(time.as_secs()).map_err(too_large)?;
        for number in [seconds, time.subsec_nanos(), length, length] {
            self.file.write_all(&number.to_le_bytes())?;
        }
        self.file.write_all(frame)
    }

    /// Ends the file and gives it back.
    ///
    /// # Errors
    /// What was buffered cannot be written.
    pub fn finish(mut self) -> io::Result<W> {
        self.file.flush()?;
        Ok(self.file)
    }
}

#[cfg(test)]
mod tests {
    use pcap_parser::PcapCapture;

    use super::*;

    #[test]
    fn another_reader_finds_the_frames_that_were_written() {
        let mut writer = Writer::begin(Vec::new(), ETHERNET).unwrap();
        writer
            .frame(Duration::new(1_700_000_000, 999_999_999), b"first")
            .unwrap();
        writer.frame(Duration::ZERO, b"").unwrap();
        let bytes = writer.finish().unwrap();
        let capture = PcapCapture::from_file(&bytes).unwrap();
        assert!(capture.header.is_nanosecond_precision());
        assert_eq!(capture.header.network.0, 1);
        let frames: Vec<_> = capture
            .blocks
            .iter()
            .map(|block| (block.ts_sec, block.ts_usec, block.origlen, block.data.to_vec()))
            .collect();
        assert_eq!(
            frames,
            [
                (1_700_000_000, 999_999_999, 5, b"first".to_vec()),
                (0, 0, 0, Vec::new())
            ]
        );
    }

    #[test]
    fn a_frame_that_no_reader_would_take_is_refused() {
        let mut writer = Writer::begin(Vec::new(), ETHERNET).unwrap();
        assert!(
            writer
                .frame(Duration::ZERO, &vec![0; SNAPSHOT_BYTES as usize + 1])
                .is_err()
        );
        assert!(writer.frame(Duration::from_secs(1 << 32), b"late").is_err());
    }
}
