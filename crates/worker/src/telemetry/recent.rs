//! The last few of something: what people look at, never what anything depends on.

use std::collections::VecDeque;

/// Keeps the newest, at most as many as it was made for (I7).
#[derive(Clone, Debug)]
pub struct Recent<T> {
    kept: VecDeque<T>,
    most: usize,
}

impl<T: Clone> Recent<T> {
    /// Keeps at most `most`.
    pub fn new(most: usize) -> Self {
        Self { kept: VecDeque::new(), most }
    }

    /// Takes one more; the oldest goes.
    pub fn push(&mut self, one: T) {
        if self.kept.len() >= self.most {
            self.kept.pop_front();
        }
        self.kept.push_back(one);
    }

    /// The newest that `wanted` likes, newest first, at most `most`.
    pub fn newest(&self, most: usize, wanted: impl Fn(&T) -> bool) -> Vec<T> {
        self.kept.iter().rev().filter(|one| wanted(one)).take(most).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // I7
    #[test]
    fn the_oldest_goes() {
        let mut recent = Recent::new(3);
        (1..=5).for_each(|number| recent.push(number));
        assert_eq!(recent.newest(9, |_| true), [5, 4, 3]);
        assert_eq!(recent.newest(1, |number| number % 2 == 0), [4]);
    }
}
