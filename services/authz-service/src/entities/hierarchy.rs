//! Roles that contain other roles: whoever has `admin` has its parent `editor` too.
//!
//! A name that no role is defined for is simply a name without parents. A role that inherits from
//! itself is refused where the hierarchy is made, so that following it always ends.

use std::collections::{HashMap, HashSet, VecDeque};
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::roles::RoleName;

/// A role with the roles it inherits from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Role {
    /// Its name.
    pub name: RoleName,
    /// Roles that whoever has this one has as well.
    #[serde(default)]
    pub parents: Vec<RoleName>,
}

/// Which roles inherit from which; has no cycle.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hierarchy {
    parents: HashMap<RoleName, Vec<RoleName>>,
}

/// Roles that inherit from each other in a circle, the first one named again at the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cycle(pub Vec<RoleName>);

impl fmt::Display for Cycle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.0.iter().map(RoleName::as_str).collect();
        write!(f, "a role inherits from itself: {}", names.join(" → "))
    }
}

impl std::error::Error for Cycle {}

impl Hierarchy {
    /// The hierarchy of `roles`; of two of one name the later counts.
    pub fn new(roles: impl IntoIterator<Item = Role>) -> Result<Self, Cycle> {
        let parents = roles.into_iter().map(|role| (role.name, role.parents)).collect();
        let hierarchy = Self { parents };
        match hierarchy.cycle() {
            None => Ok(hierarchy),
            Some(cycle) => Err(cycle),
        }
    }

    /// `granted` in order, then what they inherit, breadth first; each once.
    pub fn effective(&self, granted: &[RoleName]) -> Vec<RoleName> {
        let mut seen = HashSet::new();
        let mut effective = Vec::new();
        let mut waiting: VecDeque<&RoleName> = granted.iter().collect();
        while let Some(role) = waiting.pop_front() {
            if seen.insert(role) {
                effective.push(role.clone());
                waiting.extend(self.parents(role));
            }
        }
        effective
    }

    fn parents(&self, role: &RoleName) -> &[RoleName] {
        self.parents.get(role).map_or(&[], Vec::as_slice)
    }

    /// Depth first, without recursion: a chain may be as long as there are roles.
    fn cycle(&self) -> Option<Cycle> {
        let mut finished = HashSet::new();
        // In name order, so that the same file always gives the same error.
        let mut starts: Vec<_> = self.parents.keys().collect();
        starts.sort_by_key(|role| role.as_str());
        for start in starts {
            let mut path = vec![(start, self.parents(start).iter())];
            while let Some((role, next)) = path.last_mut() {
                let role = *role;
                match next.next() {
                    None => {
                        finished.insert(role);
                        path.pop();
                    }
                    Some(parent) if finished.contains(parent) => {}
                    Some(parent) => {
                        if let Some(at) = path.iter().position(|(on_path, _)| *on_path == parent) {
                            let circle = path.iter().skip(at).map(|(role, _)| (*role).clone());
                            return Some(Cycle(circle.chain([parent.clone()]).collect()));
                        }
                        path.push((parent, self.parents(parent).iter()));
                    }
                }
            }
        }
        None
    }
}
