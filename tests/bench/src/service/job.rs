//! The job that every decision point does: ten roles, ten kinds of records, each role may read and
//! list the records of one kind; half of the questions are permits.
//!
//! Nothing here is in any decision point's own words; [`super::ours`], [`super::cerbos`] and
//! [`super::openfga`] say it in theirs.

/// Roles, and kinds of records.
pub const ROLES: usize = 10;
/// A role that everybody has beside their own.
pub const EVERYBODY: &str = "employee";
/// What can be done. Nobody may write.
pub const ACTIONS: [&str; 3] = ["read", "list", "write"];
/// Records of each kind that are asked about.
pub const RECORDS: usize = 10;
/// Fewest questions that are asked in turn.
const QUESTIONS: usize = 1000;
/// Spreads neighbours; has no factor in common with the numbers of subjects.
const STEP: usize = 7919;

/// One question, and the right answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    /// Number of the subject.
    pub subject: usize,
    /// What it wants to do.
    pub action: &'static str,
    /// Number of the record's kind.
    pub kind: usize,
    /// Number of the record within its kind.
    pub record: usize,
    /// Whether it may.
    pub permitted: bool,
}

/// Questions of so many subjects, each of them in it equally often.
pub fn questions(subjects: usize) -> impl Iterator<Item = Asked> {
    (0..subjects.max(QUESTIONS)).map(move |number| {
        let subject = number * STEP % subjects;
        let own = subject % ROLES;
        let (action, kind) = match number / ROLES % 4 {
            0 => ("read", own),
            1 => ("list", own),
            2 => ("read", (own + 1) % ROLES),
            _ => ("write", own),
        };
        let permitted = action != "write" && kind == own;
        Asked { subject, action, kind, record: number % RECORDS, permitted }
    })
}

/// The role of a subject's own.
pub fn role(subject: usize) -> String {
    format!("clerk{}", subject % ROLES)
}

/// A kind of records.
pub fn kind(number: usize) -> String {
    format!("record{number}")
}

/// A subject's id: as long as those of most identity providers.
pub fn subject(number: usize) -> String {
    format!("5f1d8c3e-7a42-4b6f-9d20-{number:012}")
}

/// A record's id.
pub fn record(number: usize) -> String {
    format!("r-{number}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_are_permits_and_every_subject_asks_equally_often() {
        for subjects in [10, 1000, 100_000] {
            let all: Vec<_> = questions(subjects).collect();
            let permits = all.iter().filter(|asked| asked.permitted).count();
            assert_eq!(permits * 2, all.len());
            let mut times = vec![0; subjects];
            all.iter().for_each(|asked| times[asked.subject] += 1);
            assert!(times.iter().all(|count| *count == all.len() / subjects));
        }
    }
}
