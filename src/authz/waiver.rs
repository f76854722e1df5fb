//! What lets a request through that would be refused, were a trial more than that. It is no permit:
//! nobody is identified by it.

/// Evidence that a shadow covers a request. Made only where one was found to.
#[derive(Debug)]
pub struct Waiver(());

impl Waiver {
    /// A shadow covers the request.
    pub(crate) const fn of_shadow() -> Self {
        Self(())
    }
}
