//! What is new, and how it lies in shared data: in pieces, each with what it belongs to.
//!
//! Others can write there too, so a piece is taken only when it is exactly of this form and says
//! to be the one that was looked for.

use super::name::Name;
use super::table::Mark;
use crate::shared_data::take;

const VERSION: u8 = 1;
const REVOCATION: usize = 24;
const EPOCH: usize = 17;

/// Revocations and epochs, each in the order in which they are to be applied.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct News {
    pub(super) revocations: Vec<(Name, Mark)>,
    /// Whose decisions have become old, and whether that is a tenant.
    pub(super) epochs: Vec<(Name, bool)>,
}

impl News {
    pub(super) const fn len(&self) -> usize {
        self.revocations.len() + self.epochs.len()
    }
}

/// Which piece it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Label {
    /// The line of changes it belongs to.
    pub(super) line: u64,
    /// Its place there.
    pub(super) number: u64,
    /// The poll that wrote it.
    pub(super) poll: u64,
    /// The poll that wrote what it follows.
    pub(super) follows: u64,
}

/// A piece as bytes.
pub(super) fn encode(
    label: Label,
    revocations: &[(Name, Mark)],
    epochs: &[(Name, bool)],
) -> Vec<u8> {
    let size = 37 + revocations.len() * REVOCATION + epochs.len() * EPOCH;
    let mut bytes = Vec::with_capacity(size);
    bytes.push(VERSION);
    for number in [label.line, label.number, label.poll, label.follows] {
        bytes.extend(number.to_le_bytes());
    }
    bytes.extend((revocations.len() as u32).to_le_bytes());
    for (name, mark) in revocations {
        bytes.extend(name);
        bytes.extend(mark.until.to_le_bytes());
        bytes.extend(mark.before.to_le_bytes());
    }
    for (name, is_tenant) in epochs {
        bytes.extend(name);
        bytes.push((*is_tenant).into());
    }
    bytes
}

/// Reads a piece; `None` when it is none.
pub(super) fn decode(bytes: &[u8]) -> Option<(Label, News)> {
    let mut rest = bytes.strip_prefix(&[VERSION])?;
    let mut number = || take(&mut rest).map(u64::from_le_bytes);
    let label = Label { line: number()?, number: number()?, poll: number()?, follows: number()? };
    let count = usize::try_from(take(&mut rest).map(u32::from_le_bytes)?).ok()?;
    let (revocations, mut epochs) = rest.split_at_checked(count.checked_mul(REVOCATION)?)?;
    let mut news = News::default();
    news.revocations.reserve_exact(count);
    let mut rest = revocations;
    for _ in 0..count {
        let name = take(&mut rest)?;
        let [until, before] = [take(&mut rest)?, take(&mut rest)?].map(u32::from_le_bytes);
        news.revocations.push((name, Mark { until, before }));
    }
    while !epochs.is_empty() {
        let name = take(&mut epochs)?;
        let [is_tenant] = take(&mut epochs)?;
        news.epochs.push((name, is_tenant != 0));
    }
    Some((label, news))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LABEL: Label = Label { line: 1, number: 2, poll: 3, follows: u64::MAX };

    #[test]
    fn pieces_read_as_they_were_written_and_cut_ones_do_not() {
        let revocations = vec![([1; 16], Mark::new(5, Mark::ALL)), ([2; 16], Mark::new(0, 0))];
        let epochs = vec![([3; 16], true), ([4; 16], false)];
        let bytes = encode(LABEL, &revocations, &epochs);
        assert_eq!(decode(&bytes), Some((LABEL, News { revocations, epochs })));
        for end in 0..bytes.len() {
            // Whole epochs may be missing: the label says which piece it is, not how long.
            let cut = decode(&bytes[..end]);
            assert!(cut.is_none() || (bytes.len() - end).is_multiple_of(EPOCH), "{end}");
        }
        let huge = [&[VERSION][..], &[0; 32], &[0xff; 4], &[0; 100]].concat();
        assert_eq!(decode(&huge), None);
    }
}
