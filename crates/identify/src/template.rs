//! Path templates, learnt as paths come: a trie per host and method, whose nodes merge literal children that are values of
//! one parameter (handbook §6.7).
//!
//! A node's literal children are merged into `{param}` when there are more than 50 of them, or more than 20 that look like
//! values and were mostly seen once or twice, and when what follows them agrees. Names of operations stay, and words with much
//! of the traffic. Next to the root, where the names of resources stand, it takes more than 200, of which most are rare.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use spyhop_model::{Call, Half, Nature, Place};

use crate::nature::Learnt;
use crate::shape::{Shape, is_prefix, looks_made, shape};

/// Children beyond which they are merged: anywhere, where they look like values and are rare, and next to the root.
const MANY: usize = 50;
const FEW: usize = 20;
const AT_ROOT: usize = 200;
/// A child seen less often is rare; the shares are in percent.
const RARE: u64 = 3;
const MOSTLY: usize = 70;
/// The share of what follows a child that has to follow others, too.
const AGREED: usize = 60;
/// The share of a node's traffic from which a word stays, and the least calls for it.
const MUCH: u64 = 5;
const ESTABLISHED: u64 = 20;
/// Children of a child that are compared.
const COMPARED: usize = 64;
/// Operations of one path that are told apart.
const OPERATIONS: usize = 200;
/// Places of typed values that are remembered of an endpoint's answers.
const PLACES: usize = 8;

/// A merged child's key.
pub const PARAM: &str = "{param}";

/// Forms that codes of letters and digits have now and then.
const OPAQUE: &[&str] = &["{int}", "{hex}", "{hash}", "{b36}", "{base64}", "{snowflake}"];

pub type NodeId = u32;
pub type EndpointId = u32;

/// An endpoint and what is known of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Endpoint {
    /// `METHOD host/path/{id}#operation`.
    pub name: Arc<str>,
    /// What it is, by its words.
    #[serde(default)]
    pub words: Nature,
    /// What its calls showed.
    #[serde(default)]
    pub learnt: Learnt,
    /// How its answers look: their media type, and the places of typed values, each as a hash.
    #[serde(default)]
    media: u64,
    #[serde(default)]
    places: BTreeSet<u64>,
}

impl Endpoint {
    /// An endpoint that was not called yet.
    pub fn new(name: &str, words: Nature) -> Endpoint {
        Endpoint { name: name.into(), words, learnt: Learnt::default(), media: 0, places: BTreeSet::new() }
    }

    /// Learns from a call of it.
    pub fn learn(&mut self, call: &Call) {
        self.learnt.learn(call);
        self.look(call);
    }

    /// Remembers how the answer of a call looks.
    pub fn look(&mut self, call: &Call) {
        if !call.succeeded() {
            return;
        }
        if self.media == 0 {
            let media = call.response.as_ref().and_then(|response| response.content_type.as_deref());
            self.media = hash(0, media.unwrap_or("")).max(1);
        }
        if self.places.len() < PLACES {
            for seen in call.observations.iter().filter(|seen| seen.half == Half::Response).take(PLACES) {
                if let Place::Body(path) = &seen.place {
                    self.places.insert(hash(1, path));
                }
            }
        }
    }

    /// What it is.
    pub fn nature(&self) -> Nature {
        self.learnt.nature(self.words)
    }

    fn absorb(&mut self, other: Endpoint) {
        self.learnt.add(&other.learnt);
        // A parameter's values say nothing: only what all of them share is the endpoint's.
        self.words = Nature(self.words.0 & other.words.0);
        self.media = if self.media == 0 { other.media } else { self.media };
        for place in other.places {
            if self.places.len() < PLACES {
                self.places.insert(place);
            }
        }
    }
}

/// A node of the trie; its keys are segments as names show them.
#[derive(Default)]
struct Node {
    children: BTreeMap<Box<str>, NodeId>,
    /// Children that are literals.
    literals: usize,
    /// What was merged here looked like values; words that come later are names of something else.
    made: bool,
    /// The endpoint that ends here, and its operations.
    plain: Option<EndpointId>,
    operations: BTreeMap<Box<str>, EndpointId>,
}

/// All tries, with their endpoints.
#[derive(Default)]
pub struct Templates {
    nodes: Vec<Node>,
    free_nodes: Vec<NodeId>,
    endpoints: Vec<Option<Endpoint>>,
    free_endpoints: Vec<EndpointId>,
    /// Names that were merged, with the names they have now, since this was read last.
    pub merged: Vec<(Arc<str>, Arc<str>)>,
}

/// Where a path leads.
pub struct Found {
    /// Its endpoint, if there is one.
    pub endpoint: Option<EndpointId>,
    /// The template as far as it is known, and the rest as it is.
    pub name: String,
}

/// The segments of the path part of a name.
fn segments(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter(|key| !key.is_empty())
}

fn is_literal(key: &str) -> bool {
    !key.starts_with('{')
}

impl Templates {
    /// A new trie.
    pub fn root(&mut self) -> NodeId {
        self.node()
    }

    /// Nodes in use.
    pub fn nodes(&self) -> usize {
        self.nodes.len() - self.free_nodes.len()
    }

    /// Endpoints in use.
    pub fn len(&self) -> usize {
        self.endpoints.len() - self.free_endpoints.len()
    }

    /// All endpoints.
    pub fn iter(&self) -> impl Iterator<Item = &Endpoint> {
        self.endpoints.iter().flatten()
    }

    /// One endpoint.
    pub fn get_mut(&mut self, id: EndpointId) -> Option<&mut Endpoint> {
        self.endpoints.get_mut(id as usize)?.as_mut()
    }

    fn node(&mut self) -> NodeId {
        if let Some(id) = self.free_nodes.pop() {
            return id;
        }
        self.nodes.push(Node::default());
        (self.nodes.len() - 1) as NodeId
    }

    fn at(&self, id: NodeId) -> Option<&Node> {
        self.nodes.get(id as usize)
    }

    fn at_mut(&mut self, id: NodeId) -> Option<&mut Node> {
        self.nodes.get_mut(id as usize)
    }

    /// The child that a segment leads to.
    fn step(&self, node: NodeId, key: &str) -> Option<(NodeId, bool)> {
        let node = self.at(node)?;
        if let Some(child) = node.children.get(key) {
            return Some((*child, false));
        }
        let is_value = match is_literal(key).then(|| shape(key)) {
            None => OPAQUE.contains(&key),
            Some(Shape::Operation) => false,
            Some(Shape::Word) => !node.made,
            Some(Shape::Value) => true,
        };
        let param = node.children.get(PARAM).filter(|_| is_value)?;
        Some((*param, true))
    }

    /// Follows a path. `head` is what names begin with: `METHOD host`.
    pub fn find(&self, root: NodeId, head: &str, path: &str, operation: Option<&str>) -> Found {
        let mut name = String::with_capacity(head.len() + path.len() + 8);
        name.push_str(head);
        let mut at = Some(root);
        for key in segments(path) {
            let next = at.and_then(|node| self.step(node, key));
            name.push('/');
            name.push_str(if next.is_some_and(|(_, merged)| merged) { PARAM } else { key });
            at = next.map(|(child, _)| child);
        }
        if segments(path).next().is_none() {
            name.push('/');
        }
        let node = at.and_then(|id| self.at(id));
        let Some(operation) = operation else {
            return Found { endpoint: node.and_then(|node| node.plain), name };
        };
        match node {
            Some(node) if node.operations.len() >= OPERATIONS && !node.operations.contains_key(operation) => {
                // So many are values.
                Found { endpoint: node.plain, name }
            }
            _ => {
                name.push('#');
                name.push_str(operation);
                Found { endpoint: node.and_then(|node| node.operations.get(operation).copied()), name }
            }
        }
    }

    /// Adds an endpoint that [`find`](Templates::find) did not find. Says by how many endpoints there are fewer where that
    /// made children merge; the path is to be looked up anew, then.
    pub fn insert(&mut self, root: NodeId, head: &str, path: &str, endpoint: Endpoint, exact: bool) -> Option<usize> {
        let operation: Option<Box<str>> = endpoint.name.split_once('#').map(|(_, operation)| operation.into());
        let mut at = root;
        let mut grown = None;
        let mut prefix = head.to_owned();
        let mut known = 0;
        for (depth, key) in segments(path).enumerate() {
            let step = if exact {
                self.at(at).and_then(|node| node.children.get(key)).map(|child| (*child, false))
            } else {
                self.step(at, key)
            };
            let (next, merged) = match step {
                Some(step) => step,
                None => {
                    let child = self.node();
                    let node = self.at_mut(at)?;
                    node.children.insert(key.into(), child);
                    if is_literal(key) {
                        node.literals += 1;
                        if grown.is_none() {
                            grown = Some((at, depth, known, prefix.clone()));
                        }
                    }
                    (child, false)
                }
            };
            known += usize::from(!is_prefix(key));
            prefix.push('/');
            prefix.push_str(if merged { PARAM } else { key });
            at = next;
        }
        let id = self.keep(endpoint);
        let node = self.at_mut(at)?;
        match operation {
            Some(operation) => node.operations.insert(operation, id),
            None => node.plain.replace(id),
        };
        let (node, depth, known, prefix) = grown.filter(|_| !exact)?;
        self.merge(node, depth, known, &prefix)
    }

    /// Names of the nodes below one whose merged children looked like values, for a snapshot.
    pub fn made(&self, id: NodeId, prefix: &str, out: &mut Vec<String>) {
        let Some(node) = self.at(id) else { return };
        if node.made {
            out.push(prefix.to_owned());
        }
        for (key, child) in &node.children {
            self.made(*child, &format!("{prefix}/{key}"), out);
        }
    }

    /// Marks a node that [`made`](Templates::made) named.
    pub fn mark_made(&mut self, root: NodeId, path: &str) {
        let find = |at: Option<NodeId>, key: &str| self.at(at?)?.children.get(key).copied();
        let node = segments(path).fold(Some(root), find);
        if let Some(node) = node.and_then(|id| self.at_mut(id)) {
            node.made = true;
        }
    }

    fn keep(&mut self, endpoint: Endpoint) -> EndpointId {
        if let Some(id) = self.free_endpoints.pop()
            && let Some(place) = self.endpoints.get_mut(id as usize)
        {
            *place = Some(endpoint);
            return id;
        }
        self.endpoints.push(Some(endpoint));
        (self.endpoints.len() - 1) as EndpointId
    }

    /// Merges the children of a node that are values of one parameter, if it is time to look and there are enough. `depth` counts
    /// the segments above them, `known` those of these that are no mere prefix.
    fn merge(&mut self, id: NodeId, depth: usize, known: usize, prefix: &str) -> Option<usize> {
        let node = self.at(id)?;
        if !is_due(node.literals) {
            return None;
        }
        let (values, made) = self.values(id, depth, known)?;
        if let Some(node) = self.at_mut(id) {
            node.made = made;
        }
        let param = match self.at(id)?.children.get(PARAM) {
            Some(param) => *param,
            None => {
                let param = self.node();
                self.at_mut(id)?.children.insert(PARAM.into(), param);
                param
            }
        };
        let before = self.len();
        let name = format!("{prefix}/{PARAM}");
        for key in values {
            let node = self.at_mut(id)?;
            if let Some(child) = node.children.remove(&key) {
                node.literals -= usize::from(is_literal(&key));
                self.fold(child, param, &name);
            }
        }
        Some(before - self.len())
    }

    /// The children that are values, if they are enough to be merged, and whether they look like that.
    fn values(&self, id: NodeId, depth: usize, known: usize) -> Option<(Vec<Box<str>>, bool)> {
        let node = self.at(id)?;
        let mut traffic = 0;
        let mut candidates = Vec::new();
        for (key, child) in &node.children {
            let calls = self.calls(*child);
            traffic += calls;
            if is_literal(key) {
                match shape(key) {
                    Shape::Operation => {}
                    looks => candidates.push((key, looks == Shape::Value, calls, self.follows(*child))),
                }
            }
        }
        if candidates.len() <= FEW {
            return None;
        }
        let mut shared: BTreeMap<u64, usize> = BTreeMap::new();
        for (_, _, _, follows) in &candidates {
            let all: BTreeSet<u64> =
                follows.iter().flat_map(|(own, below)| std::iter::once(*own).chain(below.iter().copied())).collect();
            all.into_iter().for_each(|key| *shared.entry(key).or_insert(0) += 1);
        }
        let least = (candidates.len() / 10).max(3);
        shared.retain(|_, count| *count >= least);
        candidates.retain(|(_, is_value, calls, follows)| {
            let much = *calls >= ESTABLISHED && (calls * 100 >= traffic * MUCH || known == 0);
            agrees(follows, &shared) && (*is_value || !much)
        });
        let mostly = |part: usize, of: usize| part * 100 >= of * MOSTLY;
        let made = mostly(candidates.iter().filter(|(_, is_value, _, _)| *is_value).count(), candidates.len());
        if made {
            // Words among them are names of something else.
            candidates.retain(|(_, is_value, ..)| *is_value);
        }
        let count = candidates.len();
        let rare = mostly(candidates.iter().filter(|(_, _, calls, _)| *calls < RARE).count(), count);
        let enough = match (known, depth) {
            (0, _) => count > AT_ROOT && rare,
            (_, 1) if !made => count > AT_ROOT,
            _ => count > MANY || count > FEW && rare && made,
        };
        if !enough {
            return None;
        }
        // Codes of letters and digits are now and then all digits.
        let codes = mostly(candidates.iter().filter(|(key, ..)| looks_made(key)).count(), count);
        let opaque = node.children.iter().filter(|(key, _)| codes && OPAQUE.contains(&&***key));
        let opaque = opaque.filter(|(_, child)| agrees(&self.follows(**child), &shared)).map(|(key, _)| key.clone());
        Some((candidates.iter().map(|(key, ..)| (*key).clone()).chain(opaque).collect(), made))
    }

    /// Calls of all endpoints below a node.
    fn calls(&self, id: NodeId) -> u64 {
        let Some(node) = self.at(id) else { return 0 };
        let ends = node.plain.iter().chain(node.operations.values());
        let here: u64 = ends
            .filter_map(|id| self.endpoints.get(*id as usize)?.as_ref())
            .map(|endpoint| u64::from(endpoint.learnt.calls))
            .sum();
        here + node.children.values().map(|child| self.calls(*child)).sum::<u64>()
    }

    /// What follows a child: each key below it, with what stands below that where it may be a value itself; and how answers look
    /// where it ends a path.
    fn follows(&self, id: NodeId) -> Vec<(u64, Vec<u64>)> {
        let Some(node) = self.at(id) else { return Vec::new() };
        let mut all = self.ends(node);
        for (key, child) in node.children.iter().take(COMPARED) {
            let own = hash(4, key);
            let below = match self.at(*child) {
                Some(child) if is_literal(key) && shape(key) != Shape::Operation => {
                    let keys = child.children.keys().take(COMPARED).map(|key| hash(5, key));
                    keys.chain(self.ends(child).into_iter().map(|(end, _)| hash(5, &end.to_string()))).collect()
                }
                _ => Vec::new(),
            };
            all.push((own, below));
        }
        all
    }

    fn ends(&self, node: &Node) -> Vec<(u64, Vec<u64>)> {
        let plain = node.plain.and_then(|id| self.endpoints.get(id as usize)?.as_ref());
        let looks = plain.into_iter().flat_map(|endpoint| {
            let media = Some(endpoint.media).filter(|media| *media != 0);
            media.into_iter().chain(endpoint.places.iter().copied())
        });
        let operations = node.operations.keys().take(COMPARED).map(|name| hash(3, name));
        looks.chain(operations).map(|look| (look, Vec::new())).collect()
    }

    /// Moves all below one node under another.
    fn fold(&mut self, from: NodeId, into: NodeId, name: &str) {
        let Some(node) = self.at_mut(from).map(std::mem::take) else { return };
        self.free_nodes.push(from);
        if let Some(into) = self.at_mut(into) {
            into.made |= node.made;
        }
        if let Some(id) = node.plain {
            self.fold_endpoint(id, into, name, None);
        }
        for (operation, id) in node.operations {
            self.fold_endpoint(id, into, name, Some(operation));
        }
        for (key, child) in node.children {
            let known = self.at(into).and_then(|node| node.children.get(&key).copied());
            let target = match known {
                Some(target) => target,
                None => {
                    let target = self.node();
                    if let Some(node) = self.at_mut(into) {
                        node.literals += usize::from(is_literal(&key));
                        node.children.insert(key.clone(), target);
                    }
                    target
                }
            };
            self.fold(child, target, &format!("{name}/{key}"));
        }
    }

    fn fold_endpoint(&mut self, id: EndpointId, into: NodeId, name: &str, operation: Option<Box<str>>) {
        let Some(mut endpoint) = self.endpoints.get_mut(id as usize).and_then(Option::take) else { return };
        let old = endpoint.name.clone();
        let Some(node) = self.nodes.get_mut(into as usize) else { return };
        let operation =
            operation.filter(|name| node.operations.len() < OPERATIONS || node.operations.contains_key(name));
        let there = match &operation {
            Some(operation) => node.operations.get(operation).copied(),
            None => node.plain,
        };
        let new = match there.and_then(|id| self.endpoints.get_mut(id as usize)?.as_mut()) {
            Some(known) => {
                known.absorb(endpoint);
                self.free_endpoints.push(id);
                known.name.clone()
            }
            None => {
                let name =
                    operation.as_ref().map_or_else(|| name.to_owned(), |operation| format!("{name}#{operation}"));
                endpoint.name = name.into();
                let new = endpoint.name.clone();
                if let Some(place) = self.endpoints.get_mut(id as usize) {
                    *place = Some(endpoint);
                }
                match operation {
                    Some(operation) => node.operations.insert(operation, id),
                    None => node.plain.replace(id),
                };
                new
            }
        };
        self.merged.push((old, new));
    }
}

/// Whether most of what follows a child follows others, too. What may be a value itself counts by what stands below it.
fn agrees(follows: &[(u64, Vec<u64>)], shared: &BTreeMap<u64, usize>) -> bool {
    let (mut agreed, mut all) = (0, 0);
    for (own, below) in follows {
        if shared.contains_key(own) || below.is_empty() {
            all += 1;
            agreed += usize::from(shared.contains_key(own));
        } else {
            all += below.len();
            agreed += below.iter().filter(|key| shared.contains_key(key)).count();
        }
    }
    agreed * 100 >= all * AGREED
}

/// Whether to look at a node that has so many literals: at the limits, and each time they have grown by about an eighth.
fn is_due(literals: usize) -> bool {
    let step = (literals.next_power_of_two() / 16).max(1);
    literals > FEW && (matches!(literals, 21 | 51 | 201) || literals.is_multiple_of(step))
}

/// FNV-1a (draft-eastlake-fnv), which is the same in every run.
fn hash(kind: u64, text: &str) -> u64 {
    let start = 0xcbf2_9ce4_8422_2325 ^ kind.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    text.bytes().fold(start, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3))
}
