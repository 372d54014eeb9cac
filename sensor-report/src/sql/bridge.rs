//! The object store as DataFusion knows it: its version of the interface is an older one than that of shipping. It reads,
//! and nothing else.

use std::{fmt, sync::Arc};

use async_trait::async_trait;
use datafusion::object_store::{
    CopyOptions, Error, GetOptions, GetRange, GetResult, GetResultPayload, ListResult, MultipartUpload,
    ObjectMeta, ObjectStore, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result, path::Path,
};
use futures_util::{StreamExt as _, TryStreamExt as _, stream, stream::BoxStream};
use object_store as newer;

/// A store to read from.
#[derive(Debug)]
pub(super) struct ReadOnly(pub(super) Arc<dyn newer::ObjectStore>);

impl fmt::Display for ReadOnly {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}, to read", self.0)
    }
}

/// Paths are the same text in both.
fn path_there(path: &Path) -> newer::path::Path {
    newer::path::Path::from(path.as_ref())
}

fn path_here(path: &newer::path::Path) -> Path {
    Path::from(path.as_ref())
}

fn failed(error: newer::Error) -> Error {
    match error {
        newer::Error::NotFound { path, source } => Error::NotFound { path, source },
        other => Error::Generic {
            store: "S3",
            source: Box::new(other),
        },
    }
}

fn described(found: newer::ObjectMeta) -> ObjectMeta {
    ObjectMeta {
        location: path_here(&found.location),
        last_modified: found.last_modified,
        size: found.size,
        e_tag: found.e_tag,
        version: found.version,
    }
}

fn refused() -> Error {
    Error::NotSupported {
        source: "records are only read".into(),
    }
}

#[async_trait]
impl ObjectStore for ReadOnly {
    async fn put_opts(&self, _: &Path, _: PutPayload, _: PutOptions) -> Result<PutResult> {
        Err(refused())
    }

    async fn put_multipart_opts(&self, _: &Path, _: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
        Err(refused())
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        let range = options.range.map(|range| match range {
            GetRange::Bounded(range) => newer::GetRange::Bounded(range),
            GetRange::Offset(offset) => newer::GetRange::Offset(offset),
            GetRange::Suffix(suffix) => newer::GetRange::Suffix(suffix),
        });
        let options = newer::GetOptions {
            range,
            head: options.head,
            if_match: options.if_match,
            if_none_match: options.if_none_match,
            ..newer::GetOptions::default()
        };
        let found = self
            .0
            .get_opts(&path_there(location), options)
            .await
            .map_err(failed)?;
        let (meta, range) = (described(found.meta.clone()), found.range.clone());
        Ok(GetResult {
            payload: GetResultPayload::Stream(found.into_stream().map_err(failed).boxed()),
            meta,
            range,
            attributes: Default::default(),
        })
    }

    fn delete_stream(&self, _: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        stream::once(async { Err(refused()) }).boxed()
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        let found = self.0.list(prefix.map(path_there).as_ref());
        found.map_ok(described).map_err(failed).boxed()
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        let prefix = prefix.map(path_there);
        let found = self
            .0
            .list_with_delimiter(prefix.as_ref())
            .await
            .map_err(failed)?;
        Ok(ListResult {
            common_prefixes: found.common_prefixes.iter().map(path_here).collect(),
            objects: found.objects.into_iter().map(described).collect(),
        })
    }

    async fn copy_opts(&self, _: &Path, _: &Path, _: CopyOptions) -> Result<()> {
        Err(refused())
    }
}
