//! Which decisions are old. Every change that makes decisions old begins an era; a decision is
//! stamped with the era in which it was asked for.

use super::name::{Name, Names};

/// Most subjects and tenants that eras are kept for. Beyond, one era begins for everybody: that
/// makes more decisions old than need be, and none too few.
const MAX_APART: usize = 4_096;

/// Eras, counted from 1; 0 is before anything was known.
#[derive(Debug, Default)]
pub(super) struct Eras {
    now: u64,
    /// When the last one began that is everybody's.
    everybody: u64,
    /// When the last one began of each subject and tenant, by name.
    apart: Vec<(Name, u64)>,
    /// When the last one began of any tenant.
    tenants: u64,
}

impl Eras {
    /// The era it is.
    pub(super) const fn now(&self) -> u64 {
        self.now
    }

    /// Begins an era for everybody.
    pub(super) fn begin(&mut self) {
        self.now += 1;
        self.everybody = self.now;
        self.apart = Vec::new();
    }

    /// Begins an era for those of this name.
    pub(super) fn begin_for(&mut self, name: Name, is_tenant: bool) {
        self.now += 1;
        if is_tenant {
            self.tenants = self.now;
        }
        match self.apart.binary_search_by(|(other, _)| other.cmp(&name)) {
            Ok(at) => self.apart.iter_mut().skip(at).take(1).for_each(|entry| entry.1 = self.now),
            Err(_) if self.apart.len() >= MAX_APART => self.begin(),
            Err(at) => self.apart.insert(at, (name, self.now)),
        }
    }

    /// Whether a decision of that era still stands. `names` are those of whom it is about; who
    /// does not say which tenant they are of may be of any.
    pub(super) fn stands<'n>(&self, era: u64, names: impl FnOnce() -> Option<&'n Names>) -> bool {
        if era >= self.now {
            return true;
        }
        if era < self.everybody {
            return false;
        }
        let names = names();
        let tenant = names.and_then(|names| names.tenant.as_ref());
        let of_tenant = tenant.map_or(self.tenants, |tenant| self.last_of(tenant));
        let subjects = names.map_or(&[][..], |names| &names.subjects);
        era >= of_tenant && subjects.iter().all(|subject| era >= self.last_of(subject))
    }

    fn last_of(&self, name: &Name) -> u64 {
        let at = self.apart.binary_search_by(|(other, _)| other.cmp(name));
        at.ok().and_then(|at| self.apart.get(at)).map_or(0, |(_, era)| *era)
    }
}

#[cfg(test)]
mod tests {
    use super::super::name::{Kind, name};
    use super::*;

    fn subject(sub: &str) -> Name {
        name(Kind::Subject, Some("idp"), sub)
    }

    fn tenant(of: &str) -> Name {
        name(Kind::Tenant, None, of)
    }

    fn names(sub: &str, of: Option<&str>) -> Names {
        Names { revocable: vec![], subjects: vec![subject(sub)], tenant: of.map(tenant) }
    }

    #[test]
    fn a_subjects_era_is_its_own() {
        let mut eras = Eras::default();
        eras.begin();
        let then = eras.now();
        eras.begin_for(subject("alice"), false);
        let (alice, bob) = (names("alice", None), names("bob", None));
        assert!(!eras.stands(then, || Some(&alice)) && eras.stands(then, || Some(&bob)));
        assert!(eras.stands(then, || None) && eras.stands(eras.now(), || Some(&alice)));
        eras.begin();
        assert!(!eras.stands(then, || Some(&bob)) && !eras.stands(then, || None));
    }

    #[test]
    fn a_tenants_era_is_also_of_those_who_do_not_say_which_they_are_of() {
        let mut eras = Eras::default();
        eras.begin();
        let then = eras.now();
        eras.begin_for(tenant("t1"), true);
        let [t1, t2, none] = [Some("t1"), Some("t2"), None].map(|of| names("alice", of));
        assert!(!eras.stands(then, || Some(&t1)) && eras.stands(then, || Some(&t2)));
        assert!(!eras.stands(then, || Some(&none)) && !eras.stands(then, || None));
    }

    #[test]
    fn too_many_subjects_make_everybodys_decisions_old() {
        let mut eras = Eras::default();
        eras.begin();
        let (then, bob) = (eras.now(), names("bob", None));
        for index in 0..MAX_APART {
            eras.begin_for(subject(&index.to_string()), false);
        }
        assert!(eras.stands(then, || Some(&bob)) && eras.apart.len() == MAX_APART);
        eras.begin_for(subject("one more"), false);
        assert!(!eras.stands(then, || Some(&bob)) && eras.apart.is_empty());
        assert!(eras.stands(eras.now(), || Some(&bob)));
    }
}
