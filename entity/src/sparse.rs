//! Rows of which only the columns were read that somebody asked for.
//!
//! What was not asked for holds its type's default, so whoever reads a row sparsely must name every column that is looked at.

use std::marker::PhantomData;

use sea_orm::{DbErr, EntityTrait, Iterable, QueryResult, QuerySelect, Select, TryGetable};

/// A table whose rows can be read sparsely.
pub trait Sparse: EntityTrait {
    /// The place of a column among those of the table, from 0.
    fn place(column: Self::Column) -> u32;

    /// Reads a row that holds the asked columns, in the order of the table.
    ///
    /// # Errors
    ///
    /// A column that is not of its type.
    fn read(row: &QueryResult, asked: Asked<Self>) -> Result<Self::Model, DbErr>;
}

/// A set of columns.
#[derive(Debug)]
pub struct Asked<E> {
    columns: u64,
    table: PhantomData<fn() -> E>,
}

impl<E: Sparse> Asked<E> {
    /// Every column.
    #[must_use]
    pub fn all() -> Self {
        Self::of(E::Column::iter())
    }

    /// These columns.
    pub fn of(columns: impl IntoIterator<Item = E::Column>) -> Self {
        let columns = columns.into_iter().fold(0, |set, column| set | 1 << E::place(column));
        Self { columns, table: PhantomData }
    }

    /// The columns of both.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self { columns: self.columns | other.columns, table: PhantomData }
    }

    /// Narrows a statement to these columns, in the order of the table.
    #[must_use]
    pub fn narrow(self, select: Select<E>) -> Select<E> {
        let asked = E::Column::iter().filter(|column| self.columns & 1 << E::place(*column) != 0);
        select.select_only().columns(asked)
    }

    /// A column of a row; its default where nobody asked.
    ///
    /// # Errors
    ///
    /// A column that is not of its type.
    pub fn get<T: TryGetable + Default>(self, row: &QueryResult, column: E::Column) -> Result<T, DbErr> {
        let bit = 1_u64 << E::place(column);
        if self.columns & bit == 0 {
            return Ok(T::default());
        }
        let index = (self.columns & (bit - 1)).count_ones();
        row.try_get_by(usize::try_from(index).unwrap_or(usize::MAX))
    }
}

impl<E> Clone for Asked<E> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<E> Copy for Asked<E> {}

impl<E> PartialEq for Asked<E> {
    fn eq(&self, other: &Self) -> bool {
        self.columns == other.columns
    }
}

/// Lets the rows of the table of this module be read sparsely.
macro_rules! sparse {
    ($($field:ident: $column:ident),* $(,)?) => {
        impl crate::sparse::Sparse for Entity {
            fn place(column: Column) -> u32 {
                column as u32
            }

            fn read(row: &sea_orm::QueryResult, asked: crate::sparse::Asked<Self>) -> Result<Model, sea_orm::DbErr> {
                Ok(Model { $($field: asked.get(row, Column::$column)?),* })
            }
        }
    };
}

pub(crate) use sparse;
