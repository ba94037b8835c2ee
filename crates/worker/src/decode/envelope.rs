//! A change event's text: which value stands under which key. Nothing is judged here.
//!
//! `op` comes after the rows it speaks of, and whether the message is wrapped shows at its end; so every member that
//! may matter is noted in one pass. Of repeated keys the last wins: its value replaces the earlier one whole.

use super::json::{JsonError, Kind, Raw, Reader};

/// Names of the columns that are read, in the table's terms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Columns {
    /// The order's key; default `id`.
    pub id: String,
    /// Read where `id` is absent or null; default `order_id`.
    pub id_fallback: String,
    /// Default `symbol`.
    pub symbol: String,
    /// Default `side`.
    pub side: String,
    /// Default `quantity`.
    pub quantity: String,
    /// Default `price`.
    pub price: String,
    /// Default `status`.
    pub status: String,
}

impl Default for Columns {
    fn default() -> Self {
        Self {
            id: "id".into(),
            id_fallback: "order_id".into(),
            symbol: "symbol".into(),
            side: "side".into(),
            quantity: "quantity".into(),
            price: "price".into(),
            status: "status".into(),
        }
    }
}

/// The columns of a row, as indices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Column {
    Id,
    IdFallback,
    Symbol,
    Side,
    Quantity,
    Price,
    Status,
}

const COLUMN_COUNT: usize = 7;

/// Finds a key's columns: nearly every key is settled by one look-up.
#[derive(Clone, Debug)]
pub(super) struct ColumnTable {
    columns: Columns,
    /// By [`slot`]: one bit a column that has this slot.
    candidates: [u8; SLOTS],
}

const SLOTS: usize = 64;

#[inline]
fn slot(name: &str) -> usize {
    let first = name.as_bytes().first().copied().unwrap_or_default();
    (usize::from(first) + name.len() * 7) % SLOTS
}

impl ColumnTable {
    /// Prepares the look-up. Several columns may have one name.
    pub(super) fn new(columns: Columns) -> Self {
        let mut candidates = [0; SLOTS];
        for (index, name) in Self::names(&columns).into_iter().enumerate() {
            if let Some(bits) = candidates.get_mut(slot(name)) {
                *bits |= 1 << index;
            }
        }
        Self { columns, candidates }
    }

    /// The names as configured.
    pub(super) const fn columns(&self) -> &Columns {
        &self.columns
    }

    const fn names(columns: &Columns) -> [&String; COLUMN_COUNT] {
        let Columns { id, id_fallback, symbol, side, quantity, price, status } = columns;
        [id, id_fallback, symbol, side, quantity, price, status]
    }

    #[inline]
    fn store<'a>(&self, key: &str, value: Raw<'a>, row: &mut [Raw<'a>; COLUMN_COUNT]) {
        let bits = self.candidates.get(slot(key)).copied().unwrap_or_default();
        if bits == 0 {
            return;
        }
        for (index, (name, place)) in Self::names(&self.columns).into_iter().zip(row).enumerate() {
            if bits & 1 << index != 0 && name == key {
                *place = value;
            }
        }
    }
}

/// `before` or `after`.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct RowText<'a> {
    /// The whole value.
    pub(super) raw: Raw<'a>,
    columns: [Raw<'a>; COLUMN_COUNT],
}

impl<'a> RowText<'a> {
    /// A column's value.
    pub(super) fn column(&self, column: Column) -> Raw<'a> {
        self.columns.get(column as usize).copied().unwrap_or_default()
    }

    /// Whether it has what every order has.
    pub(super) fn is_order(&self) -> bool {
        [Column::Symbol, Column::Quantity].iter().all(|&column| self.column(column).kind() != Kind::Absent)
    }

    /// Reads a row; a value of another type has no columns.
    pub(super) fn read(reader: &mut Reader<'a>, table: &ColumnTable) -> Result<Self, JsonError> {
        let start = reader.mark();
        let mut row = Self::default();
        if reader.enter_object()? {
            while let Some(key) = reader.next_key()? {
                let value = reader.value()?;
                table.store(&key.name(), value, &mut row.columns);
            }
            row.raw = reader.since(start);
        } else {
            row.raw = reader.value()?;
        }
        Ok(row)
    }
}

/// `source`: where the event comes from.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct SourceText<'a> {
    /// The whole value.
    pub(super) raw: Raw<'a>,
    pub(super) db: Raw<'a>,
    pub(super) table: Raw<'a>,
    pub(super) ts_ms: Raw<'a>,
    pub(super) file: Raw<'a>,
    pub(super) pos: Raw<'a>,
    pub(super) row: Raw<'a>,
}

impl<'a> SourceText<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, JsonError> {
        let start = reader.mark();
        let mut source = Self::default();
        if reader.enter_object()? {
            while let Some(key) = reader.next_key()? {
                let value = reader.value()?;
                match key.name().as_bytes() {
                    b"db" => source.db = value,
                    b"table" => source.table = value,
                    b"ts_ms" => source.ts_ms = value,
                    b"file" => source.file = value,
                    b"pos" => source.pos = value,
                    b"row" => source.row = value,
                    _ => {}
                }
            }
            source.raw = reader.since(start);
        } else {
            source.raw = reader.value()?;
        }
        Ok(source)
    }
}

/// Which keys an object has, as far as they tell types of records apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Keys(u8);

impl Keys {
    pub(super) const TS_MS: Self = Self(1);
    pub(super) const TRANSACTION: Self = Self(Self::STATUS.0 | Self::ID.0 | Self::EVENT_COUNT.0);
    pub(super) const SCHEMA_CHANGE: Self = Self(Self::DDL.0 | Self::TABLE_CHANGES.0);
    const STATUS: Self = Self(2);
    const ID: Self = Self(4);
    const EVENT_COUNT: Self = Self(8);
    const DDL: Self = Self(16);
    const TABLE_CHANGES: Self = Self(32);
    const OTHER: Self = Self(64);

    const fn with(self, keys: Self) -> Self {
        Self(self.0 | keys.0)
    }

    /// Whether all of `keys` are there.
    pub(super) const fn contain(self, keys: Self) -> bool {
        self.0 & keys.0 == keys.0
    }
}

/// A change event's members, or those of whatever object came instead.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Envelope<'a> {
    pub(super) keys: Keys,
    pub(super) op: Raw<'a>,
    pub(super) ts_ms: Raw<'a>,
    pub(super) source: SourceText<'a>,
    pub(super) before: RowText<'a>,
    pub(super) after: RowText<'a>,
}

impl<'a> Envelope<'a> {
    /// Reads the value of the member `key`.
    fn read_member(&mut self, key: &str, reader: &mut Reader<'a>, table: &ColumnTable) -> Result<(), JsonError> {
        let seen = match key.as_bytes() {
            b"before" => {
                self.before = RowText::read(reader, table)?;
                Keys::OTHER
            }
            b"after" => {
                self.after = RowText::read(reader, table)?;
                Keys::OTHER
            }
            b"source" => {
                self.source = SourceText::read(reader)?;
                Keys::OTHER
            }
            b"op" => {
                self.op = reader.value()?;
                Keys::OTHER
            }
            b"ts_ms" => {
                self.ts_ms = reader.value()?;
                Keys::TS_MS
            }
            other => {
                reader.value()?;
                match other {
                    b"status" => Keys::STATUS,
                    b"id" => Keys::ID,
                    b"event_count" => Keys::EVENT_COUNT,
                    b"ddl" => Keys::DDL,
                    b"tableChanges" => Keys::TABLE_CHANGES,
                    _ => Keys::OTHER,
                }
            }
        };
        self.keys = self.keys.with(seen);
        Ok(())
    }

    fn read(&mut self, reader: &mut Reader<'a>, table: &ColumnTable) -> Result<Raw<'a>, JsonError> {
        let start = reader.mark();
        *self = Self::default();
        if !reader.enter_object()? {
            return reader.value();
        }
        while let Some(key) = reader.next_key()? {
            self.read_member(&key.name(), reader, table)?;
        }
        Ok(reader.since(start))
    }
}

/// A whole message: an event, bare or wrapped.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Message<'a> {
    /// The whole value.
    pub(super) whole: Raw<'a>,
    /// Its members, if it is an object.
    pub(super) bare: Envelope<'a>,
    /// `schema`
    pub(super) schema: Raw<'a>,
    /// `payload`
    pub(super) payload: Raw<'a>,
    /// The payload's members, if it is an object.
    pub(super) wrapped: Envelope<'a>,
}

impl<'a> Message<'a> {
    /// Reads a message to its end.
    pub(super) fn read(&mut self, reader: &mut Reader<'a>, table: &ColumnTable) -> Result<(), JsonError> {
        let start = reader.mark();
        if reader.enter_object()? {
            self.read_members(reader, table)?;
            self.whole = reader.since(start);
        } else {
            self.whole = reader.value()?;
        }
        reader.end()
    }

    /// Reads what is left of an object to its end, with a reader that begins behind a member. `whole` and `schema` are
    /// the caller's affair.
    pub(super) fn read_rest(&mut self, reader: &mut Reader<'a>, table: &ColumnTable) -> Result<(), JsonError> {
        self.read_members(reader, table)?;
        reader.end()
    }

    fn read_members(&mut self, reader: &mut Reader<'a>, table: &ColumnTable) -> Result<(), JsonError> {
        while let Some(key) = reader.next_key()? {
            match &*key.name() {
                "schema" => {
                    self.schema = reader.value()?;
                    self.bare.keys = self.bare.keys.with(Keys::OTHER);
                }
                "payload" => {
                    self.payload = self.wrapped.read(reader, table)?;
                    self.bare.keys = self.bare.keys.with(Keys::OTHER);
                }
                other => self.bare.read_member(other, reader, table)?,
            }
        }
        Ok(())
    }
}
