//! A bounded set of names.

use serde::{Deserialize, Serialize};

/// Names that a cell has seen, in order of appearance, up to a cap. Short: looking one up walks over all.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Names {
    names: Vec<Box<str>>,
}

impl Names {
    /// Adds a name, unless it is there or `cap` names are.
    pub fn add(&mut self, name: &str, cap: usize) {
        if self.names.len() < cap && !self.contains(name) {
            self.names.push(name.into());
        }
    }
    /// Whether it was added.
    pub fn contains(&self, name: &str) -> bool {
        self.iter().any(|known| known == name)
    }
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }
    /// The names.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(|name| &**name)
    }
    /// Bytes on the heap.
    pub fn heap(&self) -> usize {
        self.names.capacity() * size_of::<Box<str>>() + self.names.iter().map(|name| name.len()).sum::<usize>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_distinct_and_bounded() {
        let mut names = Names::default();
        assert_eq!((names.is_empty(), names.heap()), (true, 0));
        for name in ["b", "a", "b", "c"] {
            names.add(name, 2);
        }
        assert_eq!(names.iter().collect::<String>(), "ba");
        assert!(names.contains("a") && !names.contains("c") && names.heap() > 2);
    }
}
