//! Traces by OTLP, in protobuf over HTTP: by the client of HTTP that is there anyhow. gRPC would bring another one, and its own
//! stack of TLS, for what every collector takes in either way.

use opentelemetry::{KeyValue, trace::TracerProvider};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig};
use opentelemetry_sdk::{
    Resource,
    trace::{Sampler as Sdk, SdkTracerProvider, SpanLimits},
};
use tracing_subscriber::{Layer, filter::filter_fn};

use super::{Part, Sampler, Settings, TARGET};
use crate::error::{Error, Result};

/// What a span of a statement has is the most that one has.
const MOST_ATTRIBUTES: u32 = 16;

/// Who keeps spans and sends them, many at a time and from a thread of its own; where they are to go anywhere.
pub(super) fn provider(settings: &Settings) -> Result<Option<SdkTracerProvider>> {
    let Some(endpoint) = &settings.otlp_endpoint else { return Ok(None) };
    let exporter = SpanExporter::builder().with_http().with_protocol(Protocol::HttpBinary);
    let exporter = exporter.with_endpoint(format!("{endpoint}/v1/traces")).build();
    let exporter = exporter.map_err(|error| Error::internal(format!("OTEL_EXPORTER_OTLP_ENDPOINT: {error}")))?;
    let resource = Resource::builder().with_service_name(settings.service_name.clone()).with_attributes([
        KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
        KeyValue::new("deployment.environment.name", settings.environment.clone()),
    ]);
    let limits = SpanLimits { max_attributes_per_span: MOST_ATTRIBUTES, ..SpanLimits::default() };
    let provider = SdkTracerProvider::builder()
        .with_resource(resource.build())
        .with_span_limits(limits)
        .with_batch_exporter(exporter);
    Ok(Some(sampled(provider, settings.sampler).build()))
}

fn sampled(
    provider: opentelemetry_sdk::trace::TracerProviderBuilder,
    sampler: Sampler,
) -> opentelemetry_sdk::trace::TracerProviderBuilder {
    match sampler {
        Sampler::Always => provider.with_sampler(Sdk::AlwaysOn),
        Sampler::Never => provider.with_sampler(Sdk::AlwaysOff),
        Sampler::Ratio(ratio) => provider.with_sampler(Sdk::TraceIdRatioBased(ratio)),
        Sampler::ParentOrAlways => provider.with_sampler(Sdk::parent_based(Sdk::AlwaysOn)),
        Sampler::ParentOrNever => provider.with_sampler(Sdk::parent_based(Sdk::AlwaysOff)),
        Sampler::ParentOrRatio(ratio) => provider.with_sampler(Sdk::parent_based(Sdk::TraceIdRatioBased(ratio))),
    }
}

/// Who makes spans of them: of those under [`TARGET`] alone, with what they say and nothing else.
pub(super) fn part(provider: &SdkTracerProvider) -> Part {
    let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("rollcall"));
    let layer = layer.with_location(false).with_threads(false).with_target(false).with_tracked_inactivity(false);
    layer.with_filter(filter_fn(|metadata| metadata.is_span() && metadata.target() == TARGET)).boxed()
}
