//! The log: to standard error, for standard output is for what a command prints, or to a file.

use std::{io::IsTerminal, path::Path};

use tracing_appender::{
    non_blocking::{NonBlocking, NonBlockingBuilder, WorkerGuard},
    rolling::{self, RollingFileAppender},
};
use tracing_subscriber::{
    EnvFilter, Layer,
    filter::{FilterExt, filter_fn},
    fmt,
    fmt::writer::BoxMakeWriter,
};

use super::{LogFormat, Part, Rotation, Settings, TARGET};
use crate::error::{Error, Result};

/// Who writes the log. The guard of a file's writer has it written to its end.
pub(super) fn part(settings: &Settings) -> Result<(Part, Option<WorkerGuard>)> {
    let layer = fmt::layer();
    // Nobody wants the colours of a terminal anywhere else.
    let layer =
        if settings.log_file.is_none() && std::io::stderr().is_terminal() { layer } else { layer.with_ansi(false) };
    let (layer, guard) = match &settings.log_file {
        Some(path) => {
            let (writer, guard) = file(path, settings)?;
            (layer.with_writer(BoxMakeWriter::new(writer)), Some(guard))
        }
        None => (layer.with_writer(BoxMakeWriter::new(std::io::stderr)), None),
    };
    // Whatever the levels are, spans of traces are for traces.
    let filter = EnvFilter::new(&settings.log_level).and(filter_fn(|metadata| metadata.target() != TARGET));
    let part = match settings.log_format {
        LogFormat::Text => layer.with_filter(filter).boxed(),
        LogFormat::Json => layer.json().with_filter(filter).boxed(),
    };
    Ok((part, guard))
}

/// The file that `path` names, or those that it begins the names of, where another is begun now and then. A thread of its own
/// writes: a request waits for the disk only where that is behind by very many lines.
fn file(path: &Path, settings: &Settings) -> Result<(NonBlocking, WorkerGuard)> {
    let (rotation, kept) = match settings.log_rotation {
        Rotation::Daily => (rolling::Rotation::DAILY, settings.log_files),
        Rotation::Hourly => (rolling::Rotation::HOURLY, settings.log_files),
        Rotation::Never => (rolling::Rotation::NEVER, usize::MAX),
    };
    let cannot = |cause: &dyn std::fmt::Display| Error::internal(format!("LOG_FILE: {}: {cause}", path.display()));
    let name = path.file_name().ok_or_else(|| cannot(&"names no file"))?.to_string_lossy();
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let builder = RollingFileAppender::builder().rotation(rotation).filename_prefix(name).max_log_files(kept);
    let appender = builder.build(folder).map_err(|error| cannot(&error))?;
    Ok(NonBlockingBuilder::default().lossy(false).finish(appender))
}
