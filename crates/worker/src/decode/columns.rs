//! The columns that are read, and a row's text: which value stands in which column. Nothing is judged here.

use super::json::{Broken, Code, Key, KeyHints, Kind, Raw, Reader, Span};

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

/// The columns' names, ready to be compared with keys.
#[derive(Clone, Debug)]
pub(super) struct ColumnTable {
    columns: Columns,
    codes: [Code; COLUMN_COUNT],
}

/// A set of columns, one bit each: a key stands for several where the configuration names them alike.
pub(super) type ColumnSet = u8;

impl ColumnTable {
    /// Prepares the names.
    pub(super) fn new(columns: Columns) -> Self {
        let codes = Self::names(&columns).map(|name| Key::new(name).code());
        Self { columns, codes }
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
    fn find(&self, key: &Key<'_>) -> ColumnSet {
        let mut found = 0;
        for (index, &code) in self.codes.iter().enumerate() {
            found |= u8::from(code == key.code()) << index;
        }
        if found != 0 && key.name().len() > 8 { self.check_whole_name(found, key) } else { found }
    }

    fn check_whole_name(&self, mut found: ColumnSet, key: &Key<'_>) -> ColumnSet {
        for (index, name) in Self::names(&self.columns).into_iter().enumerate() {
            if name != key.name() {
                found &= !(1 << index);
            }
        }
        found
    }
}

/// `before` or `after`.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct RowText {
    /// The whole value.
    pub(super) raw: Span,
    columns: [Span; COLUMN_COUNT],
}

impl RowText {
    /// A column's value.
    #[inline]
    pub(super) fn column<'a>(&self, column: Column, text: &'a str) -> Raw<'a> {
        self.columns.get(column as usize).copied().unwrap_or_default().of(text)
    }

    /// Whether it has what every order has.
    pub(super) fn is_order(&self, text: &str) -> bool {
        [Column::Symbol, Column::Quantity].iter().all(|&column| self.column(column, text).kind() != Kind::Absent)
    }

    /// Reads a row in place of whatever was read before; a value of another type has no columns.
    pub(super) fn read(
        &mut self,
        reader: &mut Reader<'_>,
        table: &ColumnTable,
        hints: &mut KeyHints<ColumnSet>,
    ) -> Result<(), Broken> {
        if self.raw != Span::default() {
            *self = Self::default();
        }
        let start = reader.mark();
        if reader.enter_object()? {
            let mut slot = 0;
            while let Some(mut found) = reader.next_member(hints, slot, |key| table.find(key))? {
                slot += 1;
                let value = reader.value()?;
                while found != 0 {
                    if let Some(place) = self.columns.get_mut(found.trailing_zeros() as usize) {
                        *place = value;
                    }
                    found &= found - 1;
                }
            }
            self.raw = reader.since(start);
        } else {
            self.raw = reader.value()?;
        }
        Ok(())
    }
}
