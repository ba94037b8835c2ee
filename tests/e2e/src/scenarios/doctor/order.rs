//! Orders placed in the stack's own table, and the worker's lines that they must become: each once, whatever is broken meanwhile.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use anyhow::{Result, ensure};

use crate::lines::{Lines, settle};
use crate::stack::Stack;

const LIMIT: Duration = Duration::from_mins(4);
/// Scenarios of one run share a table.
static NEXT: AtomicI64 = AtomicI64::new(700_000);

/// What one scenario placed.
pub(super) struct Orders<'a> {
    lines: Lines,
    placed: Vec<i64>,
    _stack: &'a Stack,
}

impl<'a> Orders<'a> {
    /// Follows the stack's own worker.
    pub(super) fn follow(stack: &'a Stack) -> Result<Self> {
        Ok(Self { lines: Lines::follow(&stack.project, "worker", &stack.logs())?, placed: Vec::new(), _stack: stack })
    }

    /// Places one order.
    pub(super) fn place(&mut self, stack: &Stack) -> Result<()> {
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        stack.sql(&format!(
            "INSERT INTO orders_db.orders (id, symbol, side, quantity, price) VALUES ({id}, '005930', 'BUY', 1, 72000);"
        ))?;
        self.placed.push(id);
        Ok(())
    }

    /// Waits until all that were placed have come out.
    pub(super) fn wait(&self) -> Result<()> {
        for id in &self.placed {
            let event = format!("op=c, orderId={id},");
            self.lines.wait_for(&event, LIMIT, |line| Ok(line.text.contains(&event).then_some(())))?;
        }
        Ok(())
    }

    /// None came twice, and the rows of the first snapshot did not come again.
    pub(super) fn each_once(&self) -> Result<()> {
        settle(&self.lines, Duration::from_secs(1), LIMIT)?;
        let lines = self.lines.all();
        for id in &self.placed {
            let event = format!("op=c, orderId={id},");
            // After a crash stdout may have a line twice, byte for byte; as events they are one.
            let mut seen: Vec<&str> =
                lines.iter().filter(|line| line.text.contains(&event)).map(|line| line.text.as_str()).collect();
            seen.dedup();
            ensure!(seen.len() == 1, "order {id} came out {} times: {seen:?}", seen.len());
        }
        Ok(())
    }
}
