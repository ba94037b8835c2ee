//! Simulated files: what is written is in the page cache; what is synced lasts. A crash of the process keeps both, one of
//! the machine loses some of what was not synced, from the end. Names of files in a directory likewise.

use std::collections::BTreeMap;
use std::io::{self, Cursor, Read};
use std::path::Path;
use std::sync::Arc;

use worker::append_file::AppendFile;
use worker::epoch::LogFiles;

use super::fates::{Fate, Fates, Shared, open};
use crate::engine::day::Dice;

/// A file's content.
#[derive(Default)]
pub(super) struct Content {
    pub(super) bytes: Vec<u8>,
    /// As last synced.
    durable: Vec<u8>,
    /// A sync has failed: the kernel has told so once, and will never write what stood behind here then, unless somebody
    /// writes it again.
    forgotten_from: Option<usize>,
}

impl Content {
    /// How many bytes are as they were last synced.
    fn unchanged(&self) -> usize {
        self.bytes.iter().zip(&self.durable).take_while(|(now, then)| now == then).count()
    }

    pub(super) fn crash_of_machine(&mut self, dice: &mut Dice) {
        let common = self.unchanged();
        let was_cut = common < self.durable.len();
        let mut left = if was_cut && dice.below(2) == 0 {
            self.durable.clone()
        } else {
            self.bytes[..common + dice.below(1 + (self.bytes.len() - common) as u64) as usize].to_vec()
        };
        if left.len() < self.bytes.len() && dice.below(4) == 0 {
            // The file had become longer, but what stands there had not been written.
            left.resize(left.len() + dice.below(1 + (self.bytes.len() - left.len()) as u64) as usize, 0);
        }
        self.durable.clone_from(&left);
        self.bytes = left;
        self.forgotten_from = None;
    }
}

/// A file as one life sees it.
pub(super) struct SimulatedFile {
    pub(super) content: Shared<Content>,
    pub(super) fates: Shared<Fates>,
}

impl AppendFile for SimulatedFile {
    fn append(&self, bytes: &[u8]) -> io::Result<()> {
        let mut fates = open(&self.fates);
        let fate = fates.next();
        let count = match fate {
            Fate::Well => bytes.len(),
            _ if fate.is_begun() => fates.part(bytes.len()),
            _ => 0,
        };
        open(&self.content).bytes.extend(&bytes[..count]);
        fate.told()
    }

    fn cut(&self, length: u64) -> io::Result<()> {
        let fate = open(&self.fates).next();
        if fate == Fate::Well || fate == (Fate::Dies { halfway: true }) {
            let mut content = open(&self.content);
            content.bytes.truncate(length as usize);
            content.forgotten_from = content.forgotten_from.filter(|&from| from < length as usize);
        }
        fate.told()
    }

    fn sync(&self) -> io::Result<()> {
        let fate = open(&self.fates).next();
        let mut content = open(&self.content);
        if fate == (Fate::Faulty { halfway: true }) && content.forgotten_from.is_none() {
            content.forgotten_from = Some(content.unchanged());
        }
        if (fate == Fate::Well || fate == (Fate::Dies { halfway: true })) && content.forgotten_from.is_none() {
            content.durable = content.bytes.clone();
        }
        fate.told()
    }
}

/// A file came into a directory, or went.
enum Entry {
    Added(String, Shared<Content>),
    Removed(String),
}

/// A directory that lasts.
#[derive(Default)]
pub(super) struct Directory {
    names: BTreeMap<String, Shared<Content>>,
    durable: BTreeMap<String, Shared<Content>>,
    /// What happened since the last sync, in order.
    unsynced: Vec<Entry>,
}

impl Directory {
    pub(super) fn crash_of_machine(&mut self, dice: &mut Dice) {
        // Journals keep the order: of what was not synced the end is lost.
        let kept = dice.below(1 + self.unsynced.len() as u64) as usize;
        for entry in self.unsynced.drain(..).take(kept) {
            match entry {
                Entry::Added(name, content) => drop(self.durable.insert(name, content)),
                Entry::Removed(name) => drop(self.durable.remove(&name)),
            }
        }
        self.names.clone_from(&self.durable);
        for content in self.names.values() {
            open(content).crash_of_machine(dice);
        }
    }
}

/// A directory as one life sees it.
#[derive(Clone)]
pub(super) struct SimulatedDirectory {
    pub(super) disk: Shared<Directory>,
    pub(super) fates: Shared<Fates>,
}

impl SimulatedDirectory {
    fn content(&self, name: &str) -> io::Result<Shared<Content>> {
        open(&self.disk).names.get(name).map(Arc::clone).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn file(&self, content: Shared<Content>) -> SimulatedFile {
        SimulatedFile { content, fates: Arc::clone(&self.fates) }
    }
}

impl LogFiles for SimulatedDirectory {
    fn directory(&self) -> &Path {
        Path::new("simulated")
    }

    fn prepare(&self) -> io::Result<()> {
        Ok(())
    }

    fn names(&self) -> io::Result<Vec<String>> {
        Ok(open(&self.disk).names.keys().cloned().collect())
    }

    fn read(&self, name: &str) -> io::Result<Box<dyn Read + Send>> {
        Ok(Box::new(Cursor::new(open(&self.content(name)?).bytes.clone())))
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn AppendFile>> {
        let fate = open(&self.fates).next();
        let content = Shared::<Content>::default();
        if fate.is_begun() {
            let mut disk = open(&self.disk);
            disk.names.insert(name.to_owned(), Arc::clone(&content));
            disk.unsynced.push(Entry::Added(name.to_owned(), Arc::clone(&content)));
        }
        fate.told()?;
        Ok(Arc::new(self.file(content)))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let fate = open(&self.fates).next();
        if fate == Fate::Well || fate == (Fate::Dies { halfway: true }) {
            let mut disk = open(&self.disk);
            disk.names.remove(name);
            disk.unsynced.push(Entry::Removed(name.to_owned()));
        }
        fate.told()
    }

    fn sync(&self) -> io::Result<()> {
        let fate = open(&self.fates).next();
        if fate == Fate::Well || fate == (Fate::Dies { halfway: true }) {
            let mut disk = open(&self.disk);
            disk.durable = disk.names.clone();
            disk.unsynced.clear();
        }
        fate.told()
    }

    fn set_aside(&self, _name: &str) -> io::Result<()> {
        panic!("no history is given up in these schedules");
    }
}
