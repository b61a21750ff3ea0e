//! Rows become Parquet files: one, or one for each day of `timestamp`.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_array::cast::AsArray as _;
use arrow_array::types::TimestampMicrosecondType;
use arrow_array::{Array as _, RecordBatch, UInt32Array};
use arrow_select::take::take_record_batch;
use iceberg::spec::{DataFile, Literal, Schema, Struct, TableMetadata};
use iceberg::writer::file_writer::{FileWriter as _, FileWriterBuilder as _, ParquetWriterBuilder};
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;

use crate::limits::ROW_GROUP_ROWS;
use crate::{Inner, LakeError};

const MICROS_PER_DAY: i64 = 86_400_000_000;

/// Rows by their day of `timestamp`, days since 1970; those of a table that is not partitioned have none.
pub(crate) fn by_day(batch: &RecordBatch, partitioned: bool) -> BTreeMap<Option<i32>, Vec<u32>> {
    let mut days: BTreeMap<Option<i32>, Vec<u32>> = BTreeMap::new();
    let column = batch.column_by_name("timestamp").filter(|_| partitioned);
    let timestamps = column.map(|column| column.as_primitive::<TimestampMicrosecondType>());
    for row in 0..batch.num_rows() {
        let day = timestamps
            .filter(|timestamps| timestamps.is_valid(row))
            .and_then(|timestamps| i32::try_from(timestamps.value(row).div_euclid(MICROS_PER_DAY)).ok());
        days.entry(day).or_default().push(row as u32);
    }
    days
}

/// Writes the rows into new files, one open at a time. They are stable when this returns.
pub(crate) async fn write(
    lake: &Inner,
    metadata: &TableMetadata,
    schema: &Arc<Schema>,
    batch: &RecordBatch,
    commit: &str,
) -> Result<Vec<DataFile>, LakeError> {
    let partitioned = !metadata.default_partition_spec().is_unpartitioned();
    let days = by_day(batch, partitioned);
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(
            ZstdLevel::try_new(1).map_err(|error| LakeError::Schema(error.to_string()))?,
        ))
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
        .build();
    let builder = ParquetWriterBuilder::new(properties, schema.clone());
    let whole = days.len() == 1;
    let mut files = Vec::new();
    for (part, (day, rows)) in days.into_iter().enumerate() {
        let location = format!("{}/data/{commit}-{part:05}.parquet", metadata.location());
        let rows = if whole { batch.clone() } else { take_record_batch(batch, &UInt32Array::from(rows))? };
        let mut writer = builder.build(lake.files.new_output(&location)?).await?;
        writer.write(&rows).await?;
        for mut file in writer.close().await? {
            file.partition_spec_id(metadata.default_partition_spec_id());
            if partitioned {
                file.partition(Struct::from_iter([day.map(Literal::date)]));
            }
            files.push(file.build().map_err(|error| LakeError::Schema(error.to_string()))?);
        }
    }
    Ok(files)
}
