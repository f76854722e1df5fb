//! What is around every page: where one is, who one is, and what has just happened.

use super::door::Visitor;
use super::form::Form;
use crate::decision_point::names;

/// The frame of a page.
pub(super) struct Frame {
    /// Of the page, in the browser's tab and as its heading.
    pub(super) title: String,
    /// Path below the prefix of the part of the console it is in; empty for none.
    pub(super) section: &'static str,
    /// Who looks; `None` for whoever is not in.
    pub(super) who: Option<Who>,
    /// What has happened.
    pub(super) notice: Option<Notice>,
}

/// Who looks.
pub(super) struct Who {
    pub(super) name: String,
    pub(super) roles: String,
    /// Token of the form that signs out; `None` for who never signed in.
    pub(super) sign_out: Option<String>,
}

/// Something to be told first.
pub(super) struct Notice {
    pub(super) is_good: bool,
    pub(super) text: String,
}

/// The parts of the console: path below the prefix, and name.
pub(super) const SECTIONS: [(&str, &str); 6] = [
    ("", "Overview"),
    ("subjects", "Subjects"),
    ("explain", "Who can do what"),
    ("revocations", "Revocations"),
    ("decisions", "Decisions"),
    ("audit", "Audit"),
];

/// What a form that has done its work leads on with: `?done=…`.
const DONE: [(&str, &str); 4] = [
    ("granted", "The role is granted. It counts from the next decision on."),
    ("withdrawn", "The role is withdrawn. It no longer counts."),
    ("revoked", "It is revoked: tokens of before now no longer count."),
    ("session", "It is revoked and no longer counts."),
];

impl Frame {
    /// Of a page for `visitor`.
    pub(super) fn of(visitor: &Visitor, section: &'static str, title: impl Into<String>) -> Self {
        let who = Who {
            name: visitor.name.clone(),
            roles: names(&visitor.administrator.roles).join(", "),
            sign_out: visitor.token(Form::SignOut),
        };
        Self { title: title.into(), section, who: Some(who), notice: None }
    }

    /// Of a page for whoever is not in.
    pub(super) fn outside(title: &str) -> Self {
        Self { title: title.to_owned(), section: "", who: None, notice: None }
    }

    /// With what `done` stands for; for anything else, nothing.
    #[must_use]
    pub(super) fn done(mut self, done: Option<&str>) -> Self {
        let said = DONE.into_iter().find(|(code, _)| Some(*code) == done);
        self.notice = said.map(|(_, text)| Notice { is_good: true, text: text.to_owned() });
        self
    }

    /// With what went wrong.
    #[must_use]
    pub(super) fn failed(mut self, detail: &str) -> Self {
        self.notice = Some(Notice { is_good: false, text: detail.to_owned() });
        self
    }

    /// The parts, each with whether one is there.
    pub(super) fn sections(&self) -> impl Iterator<Item = (&'static str, &'static str, bool)> {
        SECTIONS.into_iter().map(|(path, name)| (path, name, path == self.section))
    }
}
