//! Templates by their segments, so that a path is compared with few of them.
//!
//! A tree: what begins alike is walked once. A path is followed down it segment by segment, from each
//! node by the literal segment, by `{name}` and by what is open in part, as far as they match. A node
//! has one parent, so no walk comes to one twice: it takes no more steps than the tree has nodes, and
//! where nothing open stands beside the literal it takes one a segment. What is left to walk waits in a list no longer than the tree
//! is deep; nothing recurses.

use super::template::{Around, Segment, Tail, Template};

/// Index of a node; the root has 0.
type NodeId = usize;

/// Templates, known by their numbers.
#[derive(Debug)]
pub(super) struct Tree(Vec<Node>);

/// A beginning that templates share.
#[derive(Debug, Default)]
struct Node {
    /// Where a literal segment leads, sorted by the segment.
    literals: Vec<(Box<str>, NodeId)>,
    /// Where `{name}` leads.
    parameter: Option<NodeId>,
    /// Where segments lead that are open in part, as `{name}.json`.
    partly: Vec<(Around, NodeId)>,
    /// Templates without a further segment, in the order in which they were added.
    complete: Vec<(Tail, usize)>,
}

/// A node, and what of the path is below it; `None` when the path ends there.
type Place<'t, 'p> = (&'t Node, Option<&'p str>);

impl Tree {
    /// A tree without templates.
    pub(super) fn new() -> Self {
        Self(vec![Node::default()])
    }

    /// Adds a template under a number.
    pub(super) fn add(&mut self, template: &Template, number: usize) {
        let mut at = 0;
        for segment in template.segments() {
            at = self.step(at, segment);
        }
        if let Some(node) = self.0.get_mut(at) {
            node.complete.push((template.tail().clone(), number));
        }
    }

    /// The node below `from` for a segment, which is made when there is none.
    fn step(&mut self, from: NodeId, segment: &Segment) -> NodeId {
        let new = self.0.len();
        let Some(node) = self.0.get_mut(from) else { return from };
        let to = match segment {
            Segment::Any(around) if around.is_nothing() => *node.parameter.get_or_insert(new),
            Segment::Any(around) => node.partly_or_insert(around, new),
            Segment::Literal(text) => node.literal_or_insert(text, new),
        };
        if to == new {
            self.0.push(Node::default());
        }
        to
    }

    /// Hands out the number of every template that is like this path, in no order.
    pub(super) fn visit(&self, path: &str, mut found: impl FnMut(usize)) {
        let mut left = Vec::new();
        let mut place = path.strip_prefix('/').and_then(|rest| Some((self.0.first()?, Some(rest))));
        while let Some((node, rest)) = place {
            let complete = node.complete.iter().filter(|(tail, _)| tail.takes(rest));
            complete.for_each(|(_, number)| found(*number));
            place = self.below(node, rest, &mut left).or_else(|| left.pop());
        }
    }

    /// One segment further; when there are two ways, the other is left for later.
    fn below<'t, 'p>(
        &'t self,
        node: &Node,
        rest: Option<&'p str>,
        left: &mut Vec<Place<'t, 'p>>,
    ) -> Option<Place<'t, 'p>> {
        let (part, rest) = match rest?.split_once('/') {
            Some((part, rest)) => (part, Some(rest)),
            None => (rest?, None),
        };
        let place = |id: NodeId| Some((self.0.get(id)?, rest));
        let literal = node.literal(part).and_then(place);
        let parameter = node.parameter.filter(|_| !part.is_empty()).and_then(place);
        let partly = node.partly.iter().filter(|(around, _)| around.inside(part).is_some());
        let mut ways = literal.into_iter().chain(parameter);
        let first = ways.next();
        left.extend(ways.chain(partly.filter_map(|(_, id)| place(*id))));
        first.or_else(|| left.pop())
    }
}

impl Node {
    fn literal(&self, part: &str) -> Option<NodeId> {
        let at = self.search(part).ok()?;
        self.literals.get(at).map(|(_, id)| *id)
    }

    fn literal_or_insert(&mut self, part: &str, new: NodeId) -> NodeId {
        let at = self.search(part).unwrap_or_else(|at| {
            self.literals.insert(at, (part.into(), new));
            at
        });
        self.literals.get(at).map_or(new, |(_, id)| *id)
    }

    fn partly_or_insert(&mut self, around: &Around, new: NodeId) -> NodeId {
        let known = self.partly.iter().find(|(one, _)| one == around).map(|(_, id)| *id);
        known.unwrap_or_else(|| {
            self.partly.push((around.clone(), new));
            new
        })
    }

    fn search(&self, part: &str) -> Result<usize, usize> {
        self.literals.binary_search_by(|(text, _)| (**text).cmp(part))
    }
}
