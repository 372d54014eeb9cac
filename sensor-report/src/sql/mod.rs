//! Questions in SQL: DataFusion over the tables, with functions for the columns that hold sketches.

mod bridge;
mod sketches;

use std::sync::Arc;

use arrow_array::RecordBatch;
use datafusion::{
    arrow::datatypes::{DataType, Field, Schema, SchemaRef},
    datasource::{
        empty::EmptyTable,
        file_format::parquet::ParquetFormat,
        listing::{ListingOptions, ListingTable, ListingTableConfig, ListingTableUrl},
    },
    error::DataFusionError,
    execution::{context::SQLOptions, runtime_env::RuntimeEnvBuilder},
    prelude::{DataFrame, SessionConfig, SessionContext},
};
use sensor_records::Table;

use crate::store::{Store, StoreError};

/// Why a question has no answer.
#[derive(Debug, thiserror::Error)]
pub enum SqlError {
    /// The records are out of reach.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The question is wrong, or a file cannot be read.
    #[error(
        "{0}; the tables are cells, uniques, daily_cells, daily_uniques, networks, sources, coverage and sensors, each \
         with the columns date and sensor beside its own (`DESCRIBE cells` lists them); `teiten-report verify` finds \
         damaged files"
    )]
    Question(#[from] Box<DataFusionError>),
    /// The directory's path cannot be written as a URL.
    #[error("the path {0} cannot be written as a URL: give a path without unusual characters")]
    Path(std::path::PathBuf),
}

fn question(error: DataFusionError) -> SqlError {
    SqlError::Question(Box::new(error))
}

/// Tables to be asked.
pub struct Tables {
    context: SessionContext,
}

impl Tables {
    /// The tables of a directory; `memory` is what one question may take, in bytes.
    ///
    /// # Errors
    /// When the records are out of reach.
    pub fn open(store: &Store, memory: usize) -> Result<Self, SqlError> {
        let runtime = RuntimeEnvBuilder::new()
            .with_memory_limit(memory, 1.0)
            .build_arc()
            .map_err(question)?;
        let config = SessionConfig::new()
            .with_information_schema(true)
            // The files are many and small: their statistics are read when a file is, not all beforehand.
            .with_collect_statistics(false);
        let context = SessionContext::new_with_config_rt(config, runtime);
        register_store(&context, store)?;
        for table in Table::ALL {
            register(&context, store, table)?;
        }
        sketches::register(&context);
        Ok(Self { context })
    }

    /// Asks a question. It may read, and nothing else.
    ///
    /// # Errors
    /// When it is wrong, or would change something.
    pub async fn ask(&self, text: &str) -> Result<DataFrame, SqlError> {
        let options = SQLOptions::new()
            .with_allow_ddl(false)
            .with_allow_dml(false)
            .with_allow_statements(false);
        self.context
            .sql_with_options(text, options)
            .await
            .map_err(question)
    }

    /// Asks a question and gives all rows of the answer with their schema.
    ///
    /// # Errors
    /// When it is wrong, would change something, or a file cannot be read.
    pub async fn answer(&self, text: &str) -> Result<(SchemaRef, Vec<RecordBatch>), SqlError> {
        let frame = self.ask(text).await?;
        let schema = Arc::new(frame.schema().as_arrow().clone());
        Ok((schema, frame.collect().await.map_err(question)?))
    }
}

/// The columns that are in the path.
fn partitions() -> Vec<(String, DataType)> {
    vec![
        ("date".to_owned(), DataType::Date32),
        ("sensor".to_owned(), DataType::Utf8),
    ]
}

fn register(context: &SessionContext, store: &Store, table: Table) -> Result<(), SqlError> {
    // Files before a column came lack it.
    let optional = |field: &Arc<Field>| field.as_ref().clone().with_nullable(true);
    let fields: Vec<Field> = table.schema().fields().iter().map(optional).collect();
    if !store.has(table)? {
        let partitions = partitions();
        let of_path = partitions
            .iter()
            .map(|(name, kind)| Field::new(name, kind.clone(), true));
        let schema = Arc::new(Schema::new(fields.into_iter().chain(of_path).collect::<Vec<_>>()));
        let empty = Arc::new(EmptyTable::new(schema));
        context.register_table(table.name(), empty).map_err(question)?;
        return Ok(());
    }
    let options = ListingOptions::new(Arc::new(ParquetFormat::default()))
        .with_file_extension(".parquet")
        .with_table_partition_cols(partitions());
    let config = ListingTableConfig::new(location(store, table)?)
        .with_listing_options(options)
        .with_schema(Arc::new(Schema::new(fields)));
    let listing = ListingTable::try_new(config).map_err(question)?;
    context
        .register_table(table.name(), Arc::new(listing))
        .map_err(question)?;
    Ok(())
}

/// The folder of a table, as a URL with the stroke at its end.
fn location(store: &Store, table: Table) -> Result<ListingTableUrl, SqlError> {
    let folder = match store {
        Store::Local(local) => {
            let path = || SqlError::Path(local.root().to_owned());
            let whole = std::path::absolute(local.root()).map_err(|_| path())?;
            let folder = whole.join(table.name()).join("");
            folder.to_str().ok_or_else(path)?.to_owned()
        }
        Store::Remote(remote) => format!("{}/{table}/", remote.location().trim_end_matches('/')),
    };
    ListingTableUrl::parse(folder).map_err(question)
}

/// Makes an object store known under its bucket.
fn register_store(context: &SessionContext, store: &Store) -> Result<(), SqlError> {
    if let Store::Remote(remote) = store {
        let bucket = ListingTableUrl::parse(remote.location()).map_err(question)?;
        let known = Arc::new(bridge::ReadOnly(remote.store()));
        context.register_object_store(bucket.object_store().as_ref(), known);
    }
    Ok(())
}
